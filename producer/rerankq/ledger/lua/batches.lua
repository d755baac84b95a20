-- Batches, and how long each keeps the results of its jobs.
-- @defines batch_of add_to_batch batch_end
-- @include clock
-- @include values
-- @keys batch batch_entries

-- What a script needs to know of a batch, read once: its tenant, and whether it is sealed, paused or cancelled,
-- and its deadline. Nil when there is no such batch. pcall: the key may hold a value of another type.
local known_batches = {}
function batch_of(batch)
  local found = known_batches[batch]
  if found == nil then
    local total, tenant, sealed, paused_at, cancelled_at, deadline = unpack(redis.pcall('HMGET',
      batch_key(batch), 'total', 'tenant', 'sealed', 'paused_at', 'cancelled_at', 'deadline'))
    found = (total or sealed) and {tenant = tenant or nil, is_sealed = sealed == '1',
      is_paused = number(paused_at) > 0, is_cancelled = number(cancelled_at) > 0,
      deadline = number(deadline) > 0 and number(deadline) or math.huge} or false
    known_batches[batch] = found
  end
  return found or nil
end

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
