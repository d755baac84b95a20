-- Notes something that an operator or a tenant did.
-- @argument entry text: a JSON object with all that is told of it, but for its number and time
-- @argument is_tenants flag: whether a tenant did it: what tenants do must not push out what operators did
-- @argument most number: most entries to keep
-- @answer numbers: its number, and the time in ms. A repeat notes it twice.
-- @include clock
-- @keys audit audit_tenants audit_count
local key, now = is_tenants and audit_tenants_key or audit_key, now_ms()
local number = redis.call('HINCRBY', audit_count_key, 'last', 1)
local stamped = '{"number":' .. number .. ',"at":' .. string.format('%.3f', now / 1000) .. ',' .. string.sub(entry, 2)
redis.call('ZADD', key, number, stamped)
local excess = redis.call('ZCARD', key) - most
if excess > 0 then
  for _, old in ipairs(redis.call('ZRANGE', key, 0, excess - 1)) do redis.call('ZREM', key, old) end
end
return {number, now}
