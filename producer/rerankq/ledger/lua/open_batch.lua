-- Opens a batch. Safe to repeat with the same id.
-- @argument batch text: its id
-- @argument kept_ms number: how long it is kept
-- @argument tenant text: whose it is, or ''
-- @argument fields json: what else is noted of it: of metadata, details, callbacks, expected, retry_of and
--   deadline (in ms from now) those that are given
-- @answer numbers: 1 when it was opened, 0 when there was one with that id, -1 when that one is another
--   tenant's, -2 when a callback names a webhook that there is not.
-- @include batches
-- @include outbox
-- @keys batch batches batches_deadlines tenant_batches
local found = batch_of(batch)
if found then return {(found.tenant or '') == tenant and 0 or -1} end
local targets = fields.callbacks and cjson.decode(fields.callbacks)
if targets and names_unknown_webhook(targets, tenant ~= '' and tenant or nil) then return {-2} end

-- The time of its creation in µs, or a little later while another batch has that time: so a list can go on
-- behind each batch.
local function time_of_its_own()
  local created = now_ms() * 1000
  while redis.call('ZCOUNT', batches_key, whole(created), whole(created)) > 0 do created = created + 1 end
  return whole(created)
end

-- Some of the oldest in a list may be past their retention.
local function tidy(list)
  for _, old in ipairs(redis.call('ZRANGE', list, 0, 19)) do
    if redis.call('EXISTS', batch_key(old)) == 0 then redis.call('ZREM', list, old) end
  end
end

local created = time_of_its_own()
local stored = {'sealed', 0, 'total', 0, 'created', created, 'kept', whole(kept_ms), 'fed', whole(now_ms())}
if fields.deadline then fields.deadline = whole(now_ms() + fields.deadline) end
if tenant ~= '' then fields.tenant = tenant end
for name, value in pairs(fields) do
  stored[#stored + 1] = name
  stored[#stored + 1] = value
end
redis.call('HSET', batch_key(batch), unpack(stored))
redis.call('PEXPIRE', batch_key(batch), whole(kept_ms))
-- Nobody may ever seal it: then its deadline is its end, which a sweep notes.
if fields.deadline then redis.call('ZADD', batches_deadlines_key, fields.deadline, batch) end
for _, list in ipairs({batches_key, tenant ~= '' and tenant_batches_key(tenant) or nil}) do
  redis.call('ZADD', list, created, batch)
  tidy(list)
end
return {1}
