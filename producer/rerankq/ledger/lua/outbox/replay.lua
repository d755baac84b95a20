-- Sends a delivery to an endpoint again, from its first try on.
-- @argument event text: the event's id
-- @argument endpoint text: the webhook's id
-- @answer flag: 1, or 0 when the delivery is past its retention
-- @include clock
-- @include values
-- @keys outbox delivery webhook
local stored = redis.call('GET', delivery_key(event, endpoint))
if not stored then return 0 end
local delivery = cjson.decode(stored)
delivery.tries = 0
redis.call('SET', delivery_key(event, endpoint), cjson.encode(delivery), 'KEEPTTL')
if redis.call('ZADD', outbox_key('http'), whole(now_ms()), event .. ' ' .. endpoint) == 1 then
  redis.call('HINCRBY', webhook_key(endpoint), 'pending', 1)
end
return 1
