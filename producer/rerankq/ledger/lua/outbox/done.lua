-- Notes how a try of a delivery went.
-- @argument kind text: 'http' or 'celery'
-- @argument event text: the event's id
-- @argument target text: of the delivery
-- @argument again_ms number: after how many ms it is to be tried again; less than 0: it is over
-- @argument outcome text: 'delivered', 'failed', or 'gone' when the endpoint wants no more
-- @argument row text: the line of the endpoint's log, or '' for none; it has the time of the try
-- @argument give_up_ms number: an endpoint that has only failed for so long is disabled
-- @answer text or nothing: 'gone' or 'failing' when this has disabled the endpoint
-- @include clock
-- @include values
-- @keys outbox webhook webhook_log
local MOST_LOGGED = 1000
local now, member, disabled = now_ms(), event .. ' ' .. target, nil
local key = webhook_key(target)
local is_known = kind == 'http' and redis.call('EXISTS', key) == 1

local function over()
  if redis.call('ZREM', outbox_key(kind), member) == 1 and is_known then
    redis.call('HINCRBY', key, 'pending', -1)
  end
end

if again_ms < 0 then
  over()
elseif redis.call('ZSCORE', outbox_key(kind), member) then
  redis.call('ZADD', outbox_key(kind), whole(now + again_ms), member)
end
if not is_known then return nil end
if row ~= '' then
  redis.call('LPUSH', webhook_log_key(target), row)
  redis.call('LTRIM', webhook_log_key(target), 0, MOST_LOGGED - 1)
end
local since = number(redis.call('HGET', key, 'failing_since'))
if outcome == 'delivered' then
  if since > 0 then redis.call('HSET', key, 'failing_since', '') end
  return nil
end
if since == 0 then
  redis.call('HSET', key, 'failing_since', whole(now))
elseif now - since >= give_up_ms then
  disabled = 'failing'
end
if outcome == 'gone' then disabled = 'gone' end
if disabled then redis.call('HSET', key, 'disabled', disabled) end
return disabled
