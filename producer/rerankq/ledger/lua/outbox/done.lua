-- Notes how a try of a delivery went.
-- @argument kind text: 'http' or 'celery'
-- @argument event text: the event's id
-- @argument target text: of the delivery
-- @argument again_ms number: after how many ms it is to be tried again; less than 0: it is over
-- @argument outcome text: 'delivered', 'failed', or 'gone' when the endpoint wants no more
-- @argument row text: the line of the endpoint's log, or '' for none; it has the time of the try
-- @argument give_up_ms number: an endpoint that has only failed for so long is disabled
-- @argument rest_ms number: how long an endpoint that has failed is not called, at least
-- @answer text or nothing: 'gone' or 'failing' when this has disabled the endpoint
-- @include clock
-- @include values
-- @include outbox/waiting
-- @keys outbox_taken outbox_due webhook webhook_log
local MOST_LOGGED = 1000
local LEAST_REST_MS, MOST_REST_MS = 1000, 60000
local now, key = now_ms(), webhook_key(target)

-- Deletes first: a Redis whose memory is full refuses only a script's first write, and never one that deletes.
redis.call('ZREM', outbox_taken_key(kind), event .. ' ' .. target)
if again_ms < 0 then
  leave(kind, event, target)
else
  redis.call('ZADD', outbox_due_key(kind, target), 'XX', whole(now + again_ms), event)
end

-- Notes the outcome in the endpoint's record. Returns why it is disabled by this, if it is, and until when it is
-- not called.
local function note_of_endpoint()
  if row ~= '' then
    redis.call('LPUSH', webhook_log_key(target), row)
    redis.call('LTRIM', webhook_log_key(target), 0, MOST_LOGGED - 1)
  end
  local since = number(redis.call('HGET', key, 'failing_since'))
  if outcome == 'delivered' then
    if since > 0 then redis.call('HSET', key, 'failing_since', '', 'failures', 0, 'rests_until', '') end
    return nil, 0
  end
  -- After each failure in a row it is left alone for longer: it may stay away for hours.
  local failures = number(redis.call('HINCRBY', key, 'failures', 1))
  local rest = math.min(LEAST_REST_MS * 2 ^ (math.min(failures, 10) - 1), MOST_REST_MS)
  local rests_until = now + math.max(rest, math.min(rest_ms, MOST_REST_MS))
  redis.call('HSET', key, 'failing_since', whole(since > 0 and since or now), 'rests_until', whole(rests_until))
  local disabled = outcome == 'gone' and 'gone' or since > 0 and now - since >= give_up_ms and 'failing' or nil
  if disabled then redis.call('HSET', key, 'disabled', disabled) end
  return disabled, rests_until
end

local disabled, earliest = nil, 0
if kind == 'http' and redis.call('EXISTS', key) == 1 then disabled, earliest = note_of_endpoint() end
look_again(kind, target, disabled and 0 or earliest)
return disabled
