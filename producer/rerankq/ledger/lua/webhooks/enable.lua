-- Lets a webhook be called again, as if it had never failed.
-- @argument webhook text: its id
-- @answer flag: 1, or 0 when there is no such webhook: one that was removed is not made again
-- @keys webhook
local key = webhook_key(webhook)
if redis.call('EXISTS', key) == 0 then return 0 end
redis.call('HSET', key, 'disabled', '', 'failing_since', '', 'failures', 0, 'rests_until', '')
return 1
