-- Takes deliveries that are due, for one try each, under a lease. When a sender dies before it has noted how its
-- try went, somebody else tries again once the lease has ended.
-- @argument kind text: 'http' or 'celery'
-- @argument most number: how many at most
-- @argument at_once number: how many of one target may be under way, here and elsewhere; of an endpoint that
--   fails it is one
-- @argument lease_ms number: how long a try may take
-- @argument busy json: a list of tenants of which the caller takes no more for now; '' for the operator
-- @answer rows: each as [event, target, the delivery as JSON, and for an endpoint its URL, its secret, its
--   earlier secret while that still counts, or '', and its tenant, or '']. A delivery that is past its retention,
--   or whose endpoint is gone or disabled, leaves the outbox.
-- @include clock
-- @include values
-- @include outbox/waiting
-- @keys outbox outbox_taken outbox_due delivery webhook
local now, found, under_way = now_ms(), {}, {}
local MOST_TARGETS, BUSY_MS = 200, 1000
local is_busy = {}
for _, tenant in ipairs(busy) do is_busy[tenant] = true end

-- The delivery with one more try. It is counted before it is made, so that a try that kills its sender counts
-- too. Nil when the delivery cannot be read.
local function tried(event, target)
  local stored = redis.pcall('GET', delivery_key(event, target))
  local ok, delivery = pcall(cjson.decode, text(stored) or '')
  if not ok or type(delivery) ~= 'table' then return nil end
  delivery.tries = number(delivery.tries) + 1
  local again = cjson.encode(delivery)
  redis.call('SET', delivery_key(event, target), again, 'KEEPTTL')
  return again
end

-- What a row says of an endpoint, how many calls it may have at once, and until when it is not called. Nil when
-- it is gone or disabled.
local function receiver(target)
  if kind ~= 'http' then return {}, at_once, 0 end
  local url, secret, old_secret, old_until, tenant, disabled, failing_since, rests_until = unpack(redis.pcall(
    'HMGET', webhook_key(target), 'url', 'secret', 'old_secret', 'old_until', 'tenant', 'disabled',
    'failing_since', 'rests_until'))
  if not url or (disabled or '') ~= '' then return nil end
  local row = {url, secret or '', number(old_until) > now and old_secret or '', tenant or ''}
  return row, number(failing_since) > 0 and 1 or at_once, number(rests_until)
end

-- Takes up to `free` deliveries of a target; returns how many more it might have under way.
local function take_some(target, row, free)
  local key = outbox_due_key(kind, target)
  local due = redis.call('ZRANGEBYSCORE', key, '-inf', whole(now), 'LIMIT', 0, math.min(free, most - #found))
  for _, event in ipairs(due) do
    local delivery = tried(event, target)
    if delivery then
      redis.call('ZADD', key, whole(now + lease_ms), event)
      redis.call('ZADD', outbox_taken_key(kind), whole(now + lease_ms), event .. ' ' .. target)
      found[#found + 1] = {event, target, delivery, unpack(row)}
      free = free - 1
    else
      leave(kind, event, target)
    end
  end
  return free
end

local function serve(target)
  local row, most_at_once, rests_until = receiver(target)
  if not row then return forget(kind, target) end
  -- A clock that was set back must not keep it from being called for longer.
  if rests_until > now and rests_until <= now + lease_ms then return look_again(kind, target, rests_until) end
  if row[4] and is_busy[row[4]] then return look_again(kind, target, now + BUSY_MS) end
  local free = most_at_once - (under_way[target] or 0)
  if free > 0 then free = take_some(target, row, free) end
  -- When as many tries are under way as may be, `done` lets it be looked at again, or else the end of a lease does.
  look_again(kind, target, free > 0 and now or now + lease_ms)
end

redis.call('ZREMRANGEBYSCORE', outbox_taken_key(kind), '-inf', whole(now))
-- A lease that ends later than a new one is from before the clock was set back.
redis.call('ZREMRANGEBYSCORE', outbox_taken_key(kind), '(' .. whole(now + lease_ms), '+inf')
for _, member in ipairs(redis.call('ZRANGE', outbox_taken_key(kind), 0, -1)) do
  local target = string.match(member, '^%S+ (.*)$')
  if target then under_way[target] = (under_way[target] or 0) + 1 end
end
-- A target that was served goes behind those that wait for their turn.
for _, target in ipairs(redis.call('ZRANGEBYSCORE', outbox_key(kind), '-inf', whole(now), 'LIMIT', 0,
  MOST_TARGETS)) do
  if #found >= most then break end
  serve(target)
end
return found
