-- Batches, and how long each keeps the results of its jobs.
-- @defines is_batch add_to_batch batch_end
-- @include clock
-- @include values
-- @keys batch batch_entries

function is_batch(id) return redis.call('TYPE', batch_key(id)).ok == 'hash' end

-- Adds entries to a batch, if there is one: the list lives as long as the batch's record.
function add_to_batch(batch, entries)
  local left = redis.call('PTTL', batch_key(batch))
  if left < 0 then return false end
  redis.call('HINCRBY', batch_key(batch), 'total', #entries)
  redis.call('HSET', batch_key(batch), 'fed', whole(now_ms()))
  if redis.call('RPUSH', batch_entries_key(batch), unpack(entries)) == #entries then
    redis.call('PEXPIRE', batch_entries_key(batch), left)
  end
  return true
end

-- Until when a batch keeps the results of its jobs, in ms; 0 when they were collected, or there is no batch.
local batch_ends = {}
function batch_end(batch, now)
  if not text(batch) then return 0 end
  if not batch_ends[batch] then
    local collected = redis.pcall('HGET', batch_key(batch), 'collected')
    local left = collected and 0 or redis.call('PTTL', batch_key(batch))
    batch_ends[batch] = left > 0 and now + left or 0
  end
  return batch_ends[batch]
end
