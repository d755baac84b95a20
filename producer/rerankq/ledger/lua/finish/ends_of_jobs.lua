-- Results and final states, written in one step, of those jobs whose tokens are current. A result comes
-- complete, with a date that the caller estimated from the time in Redis' last answer. A date that is
-- not within the last second is corrected here.
-- Uses the arguments keep_result_ms, keep_dead_ms, keep_usage_days, told_ms and jobs.
-- @defines finish
-- @include clock
-- @include ends
-- @include undoing
-- @include usage
-- @include workers/tokens
-- @keys result said staged
-- @constants DATE_AT EXPIRED CANCELLED
local clock, keep = now_ms(), {keep_result_ms, keep_dead_ms}
local is_right = told_ms <= clock and clock - told_ms <= 1000
local now = is_right and told_ms or clock
local date_done = iso_time(now)
local ids, done, ended = {}, {}, {}
-- The results that come with the call; nil when they were staged before it.
local sent_results

-- Puts a result in its place; false when none was staged.
local function place_result(id, result)
  local key = result_key(id)
  if result then
    redis.call('SET', key, result)
  elseif redis.pcall('RENAME', staged_key(id), key).err then
    return false
  end
  -- Only if needed: within a transaction Redis copies the whole result for it.
  if not is_right then redis.call('SETRANGE', key, DATE_AT, date_done) end
  return true
end

-- The answer to a command; nil when this user may not use it (a managed Redis often forbids INFO). All is
-- written by now, so nothing here may fail.
local function try_call(...)
  local answer = redis.pcall(...)
  if type(answer) == 'table' and answer.err then return nil end
  return answer
end

local function publish_one(channel)
  return try_call('PUBLISH', channel, redis.call('GET', channel)) or 0
end

-- Publishes the results to clients that wait for them. To publish a result costs reading it, so it is done
-- only if a client may listen, or if Redis does not say: a client that subscribed to this result, or one at
-- a replica, which is not known here. Nor is it known which channels a pattern subscription covers, and
-- every worker has one (Celery's remote control). So the first result is published on trial: only if it
-- reached a subscriber, all are.
local function publish()
  local channels, unheard = {}, {}
  for at, id in ipairs(ended) do channels[at] = result_key(id) end
  local heard = try_call('PUBSUB', 'NUMSUB', unpack(channels))
  for at, channel in ipairs(channels) do
    if not heard or heard[2 * at] > 0 then publish_one(channel) else unheard[#unheard + 1] = channel end
  end
  if #unheard == 0 then return end
  local replication = try_call('INFO', 'replication') or ''
  local by_replica = not string.find(replication, 'connected_slaves:0', 1, true)
  local by_pattern = not by_replica and (try_call('PUBSUB', 'NUMPAT') or 1) > 0
  if by_replica or (by_pattern and publish_one(table.remove(unheard, 1)) > 0) then
    for _, channel in ipairs(unheard) do publish_one(channel) end
  end
end

-- A job of a batch that was cancelled while it ran has this end, whatever its call has brought.
local function is_cancelled(job)
  local batch = job.batch and text(job.batch) and batch_of(job.batch)
  return batch and batch.is_cancelled
end

-- Counts what the calls have used of a job that ends now, or that was its worker's when it ended.
local function note_usage(id, token, job, ends, usage)
  if not job then return note_reported(id, reported_job(id, token), usage) end
  if not ends then return end
  if usage == true then return doubt_call(job) end
  settle_call(job)
  count_usage(job, usage)
end

local function write_ends()
  keep_usage(keep_usage_days)
  read_records(ids)
  for at, each in ipairs(jobs) do
    local id, token, attempts, state, reason, call, said, tokens, usage = unpack(each)
    local job = held_job(id, token)
    local in_time = job and clock < (tonumber(job.deadline) or math.huge)
    local cancelled = job and job.batch and is_cancelled(job)
    done[at] = in_time and not cancelled and place_result(id, sent_results and sent_results[at]) and 1 or 0
    if job then job.attempts = attempts end
    note_usage(id, token, job, done[at] == 1 or cancelled or not in_time, usage)
    if job and tokens and text(job.batch) then count(job.batch, 'tokens', tokens) end
    if cancelled then
      end_by_ledger(id, job, 'cancelled', '', CANCELLED, clock, keep)
    elseif job and not in_time then
      end_by_ledger(id, job, 'expired', '', EXPIRED, clock, keep)
      done[at] = 2
    end
    if done[at] == 1 then
      redis.call('PEXPIREAT', result_key(id), whole(end_job(id, job, state, reason, now, keep, call)))
      if said and said ~= '' then redis.call('SET', said_key(id), said, 'PX', keep[2]) end
      ended[#ended + 1] = id
    elseif not sent_results then
      gather('DEL', staged_key(id))
    end
  end
  carry_out()
  if #ended > 0 then publish() end
  return {done, ended_batches}
end

-- Deletes the results that were staged for this call: nothing else would.
local function unstage()
  if sent_results then return end
  for _, id in ipairs(ids) do redis.call('DEL', staged_key(id)) end
end

-- Returns the answer for each job. `results`: nil when they were staged.
function finish(results)
  sent_results = results
  for at, job in ipairs(jobs) do ids[at] = job[1] end
  return undoing(write_ends, unstage)
end
