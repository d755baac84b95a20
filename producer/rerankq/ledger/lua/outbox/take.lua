-- Takes deliveries that are due, for one try each: nobody else gets them before the lease ends. Whoever dies in
-- between has told or not; another tries again.
-- @argument kind text: 'http' or 'celery'
-- @argument most number: how many at most
-- @argument lease_ms number: how long a try may take
-- @answer rows: each as [event, target, the delivery as JSON, and for an endpoint its URL, its secret, its
--   earlier secret while that still counts, or '', and its tenant, or '']. A delivery that is past its retention,
--   or whose endpoint is gone or disabled, leaves the outbox.
-- @include clock
-- @include values
-- @keys outbox delivery webhook
local now, found, failing = now_ms(), {}, {}
local LOOKED_AT = 500

local function drop(member, endpoint)
  redis.call('ZREM', outbox_key(kind), member)
  if endpoint and redis.call('EXISTS', webhook_key(endpoint)) == 1 then
    redis.call('HINCRBY', webhook_key(endpoint), 'pending', -1)
  end
end

-- One try more: counted now, so that a try that kills its sender counts too.
local function taken(event, target, stored)
  local ok, delivery = pcall(cjson.decode, stored)
  if not ok or type(delivery) ~= 'table' then return nil end
  delivery.tries = number(delivery.tries) + 1
  local again = cjson.encode(delivery)
  redis.call('SET', delivery_key(event, target), again, 'KEEPTTL')
  return again
end

-- The endpoint's part of a row. An endpoint that fails gets one try at a time: the others wait for it, and
-- these waits are no tries. So one that is gone does not hold up those that answer.
local function endpoint_row(endpoint)
  local url, secret, old_secret, old_until, tenant, disabled, failing_since = unpack(redis.call('HMGET',
    webhook_key(endpoint), 'url', 'secret', 'old_secret', 'old_until', 'tenant', 'disabled', 'failing_since'))
  if not url or (disabled or '') ~= '' then return nil end
  local waits = number(failing_since) > 0 and failing[endpoint]
  failing[endpoint] = true
  return {url, secret or '', number(old_until) > now and old_secret or '', tenant or ''}, waits
end

local due = redis.call('ZRANGEBYSCORE', outbox_key(kind), '-inf', whole(now), 'LIMIT', 0, LOOKED_AT)
for _, member in ipairs(due) do
  if #found >= most then break end
  local event, target = string.match(member, '^(%S+) (.*)$')
  local stored = event and redis.call('GET', delivery_key(event, target))
  local row, waits = {}, false
  if stored and kind == 'http' then row, waits = endpoint_row(target) end
  if not stored or not row then
    drop(member, kind == 'http' and target)
  else
    redis.call('ZADD', outbox_key(kind), whole(now + lease_ms), member)
    local again = not waits and taken(event, target, stored)
    if again then found[#found + 1] = {event, target, again, unpack(row)} end
  end
end
return found
