-- Sends a delivery to an endpoint again, from its first try on.
-- @argument event text: the event's id
-- @argument endpoint text: the webhook's id
-- @answer flag: 1, or 0 when the delivery is past its retention
-- @include clock
-- @include values
-- @keys outbox outbox_due outbox_size delivery webhook
local stored = redis.call('GET', delivery_key(event, endpoint))
if not stored then return 0 end
local delivery, now = cjson.decode(stored), whole(now_ms())
delivery.tries = 0
redis.call('SET', delivery_key(event, endpoint), cjson.encode(delivery), 'KEEPTTL')
if redis.call('ZADD', outbox_due_key('http', endpoint), now, event) == 1 then
  redis.call('HINCRBY', outbox_size_key, 'http', 1)
end
redis.call('ZADD', outbox_key('http'), 'LT', now, endpoint)
-- Somebody asked for it, so the endpoint is called at once, also if it has just failed.
if redis.call('EXISTS', webhook_key(endpoint)) == 1 then
  redis.call('HSET', webhook_key(endpoint), 'rests_until', '')
end
return 1
