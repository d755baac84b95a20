-- The end of a job: it leaves its lane, and its result says how it ended.
-- @defines end_job end_by_ledger
-- @include budgets/settling
-- @include states
-- @include retention
-- @include iso_time
-- @include outbox
-- @include tenants/idempotency
-- @include usage
-- @constants RESULT_HEAD RESULT_ID RESULT_TAIL
-- @keys job payload parts result deadlines dead batch_failed history history_ended

-- Puts a failed job on the list of its batch, and counts its reason.
local function note_failed(id, batch, reason)
  if not text(batch) or not batch_of(batch) then return end
  gather('RPUSH ' .. batch_failed_key(batch), id)
  count(batch, 'reason:' .. (text(reason) or ''), 1)
end

-- Lists the job for the history: a worker reads the list a second later and packs rows of it. While no worker runs,
-- the list is bounded: its oldest names are dropped, and `first`, the number of its first name, is raised by as many.
local MOST_UNPACKED, is_bounded = 1000000, false
local function note_in_history(id, call)
  if not is_bounded then
    is_bounded = true
    local excess = redis.call('LLEN', history_ended_key) - MOST_UNPACKED
    if excess > 0 then
      redis.call('LTRIM', history_ended_key, excess, -1)
      redis.call('HINCRBY', history_key, 'first', excess)
    end
  end
  gather('RPUSH ' .. history_ended_key, call and call ~= '' and id .. ' ' .. call or id)
end

-- Ends a job; its removal from its lane is gathered. The caller has made sure that the job has not ended,
-- and writes its result, to be kept until the time returned. `reason` is the error's code, or ''; `keep` is
-- {ms for results, ms for dead letters}; `call`: what the history tells of the call that ended it, if there was one.
function end_job(id, job, state, reason, now, keep, call)
  local ends = result_end(job, now, keep)
  move(id, job, state)
  -- `failure` says why it waited; from now on its result says how it ended.
  job.finished, job.failure = now, nil
  if state == 'failed' then
    job.reason = reason
    -- A dead letter: kept with its payload, so that it can be looked at and replayed.
    redis.call('ZADD', dead_key, now, id)
    redis.call('PEXPIREAT', payload_key(id), whole(now + keep[2]))
    if job.batch then note_failed(id, job.batch, reason) end
  else
    gather('DEL', payload_key(id))
  end
  if job.parts then gather('DEL', parts_key(id)) end
  settle_budget(job)
  if job.deadline then gather('ZREM ' .. deadlines_key, id) end
  note_in_history(id, call)
  if job.callbacks then post_job_end(id, job, state, now) end
  local kept = whole(record_end(job, now, ends, keep))
  redis.call('SET', job_key(id), encoded(job), 'PXAT', kept)
  local key = text(job.idempotency)
  local name = key and idempotency_name(text(job.tenant), key)
  -- The key may have expired, and belong to another job by now. pcall: it may be of another type.
  if name and redis.pcall('HGET', name, 'id') == id then
    redis.call('PEXPIREAT', name, kept)
  end
  return ends
end

-- The same for an end that the ledger itself decides: writes the result too, and publishes it to clients
-- that wait. `outcome` is the tail of the result: '"status":…,"result":…}'.
function end_by_ledger(id, job, state, reason, outcome, now, keep)
  local result = RESULT_HEAD .. iso_time(now) .. RESULT_ID .. id .. RESULT_TAIL .. outcome
  doubt_call(job)
  local ends = end_job(id, job, state, reason, now, keep)
  redis.call('SET', result_key(id), result, 'PXAT', whole(ends))
  redis.call('PUBLISH', result_key(id), result)
end
