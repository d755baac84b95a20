-- Gives a webhook a new secret; the one before counts for a while. In one step, so that of two callers at the same
-- time the first one's secret counts too.
-- @argument webhook text: its id
-- @argument secret text: the new one
-- @argument overlap_ms number: for how long the one before counts
-- @answer flag: 1, or 0 when there is no such webhook: one that was removed is not made again
-- @include clock
-- @include values
-- @keys webhook
local key = webhook_key(webhook)
local old = redis.call('HGET', key, 'secret')
if not old then return 0 end
redis.call('HSET', key, 'secret', secret, 'old_secret', old, 'old_until', whole(now_ms() + overlap_ms))
return 1
