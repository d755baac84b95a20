-- Work on all jobs of a batch, which is done in portions: by the client that asked for it and, if it dies, by
-- the reconciler. Each portion is safe to repeat.
-- @defines let_go cancel_some end_held
-- @include ends
-- @include places
-- @constants CANCELLED
-- @keys batch batch_entries batch_held batches_resuming batches_cancelling batches_holding

-- The jobs of a batch that are held back, at most so many; what else is in that set is taken out.
local function held_jobs(batch, most)
  local found, ids = {}, redis.call('ZRANGE', batch_held_key(batch), 0, most - 1)
  read_records(ids)
  for _, id in ipairs(ids) do
    local job = known_of(id)
    if job and job.batch == batch and place_of(job) == 'held' then
      found[#found + 1] = id
    else
      redis.call('ZREM', batch_held_key(batch), id)
    end
  end
  return found
end

-- How many jobs the batch still holds back. When there are none, it is off the lists.
local function still_held(batch)
  local left = redis.call('ZCARD', batch_held_key(batch))
  if left == 0 then
    redis.call('ZREM', batches_resuming_key, batch)
    redis.call('ZREM', batches_holding_key, batch)
  end
  return left
end

-- Queues jobs again that were held back, and adds their ids to `announce`, by lane. Returns how many are left.
function let_go(batch, most, now, announce)
  for _, id in ipairs(held_jobs(batch, most)) do
    local job = known_of(id)
    move(id, job, 'queued', whole(next_place(job.lane, true, 1)))
    announce[job.lane] = announce[job.lane] or {}
    table.insert(announce[job.lane], id)
  end
  carry_out()
  local left = still_held(batch)
  if left > 0 then redis.call('ZADD', batches_resuming_key, 'NX', whole(now), batch) end
  return left
end

-- Cancels jobs among the next entries of a cancelled batch. Returns how many it ended, and how many entries it
-- looked at. pcall: a worker may have no right to read lists; then it leaves that to others.
function cancel_some(batch, most, now, keep)
  local first, ended, ids = number(redis.call('HGET', batch_key(batch), 'cancelled_to')), 0, {}
  local entries = redis.pcall('LRANGE', batch_entries_key(batch), whole(first), whole(first + most - 1))
  if entries.err then return 0, 0 end
  for _, entry in ipairs(entries) do
    -- An object stands for a line that is no job of this batch.
    if string.sub(entry, 1, 1) ~= '{' then ids[#ids + 1] = string.match(entry, '^%S+') end
  end
  read_records(ids)
  for _, id in ipairs(ids) do
    local job = known_of(id)
    if job and job.batch == batch and is_open(job.state) then
      end_by_ledger(id, job, 'cancelled', '', CANCELLED, now, keep)
      ended = ended + 1
    end
  end
  if batch_of(batch) then redis.call('HSET', batch_key(batch), 'cancelled_to', whole(first + #entries)) end
  carry_out()
  if #entries < most then redis.call('ZREM', batches_cancelling_key, batch) end
  return ended, #entries
end

-- Ends the jobs that are held back of a batch past its retention: nobody can resume it any more.
function end_held(batch, most, now, keep)
  for _, id in ipairs(held_jobs(batch, most)) do
    end_by_ledger(id, known_of(id), 'cancelled', '', CANCELLED, now, keep)
  end
  carry_out()
  still_held(batch)
end
