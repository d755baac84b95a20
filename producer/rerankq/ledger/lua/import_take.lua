-- Takes the work of filling a batch from a file, unless somebody is at it. Safe to repeat with the same token.
-- @argument batch text: its id
-- @argument token text: names whoever takes it
-- @argument lease_ms number: for how long, if it is not kept
-- @answer flag: 1 when it is taken, else 0. A batch that is gone leaves the list.
-- @include clock
-- @include values
-- @keys batch imports
local due = redis.call('ZSCORE', imports_key, batch)
if not due then return 0 end
if redis.call('EXISTS', batch_key(batch)) == 0 then
  redis.call('ZREM', imports_key, batch)
  return 0
end
local now = now_ms()
if tonumber(due) > now and redis.call('HGET', batch_key(batch), 'importer') ~= token then return 0 end
redis.call('ZADD', imports_key, whole(now + lease_ms), batch)
redis.call('HSET', batch_key(batch), 'importer', token)
return 1
