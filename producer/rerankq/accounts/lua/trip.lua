-- Opens a breaker: a key, a model or an account that may not be used for now.
-- @argument name text: of the breaker
-- @argument state text: once it is certain, 'parked' or 'paused'
-- @argument code text: of the reason
-- @argument reason text: in words
-- @argument certain_after number: times in a row that it must happen to be certain
-- @argument doubt_ms number: to the next probe while it is not
-- @argument every_ms number: between probes when it is, 0 for none
-- @answer text or nothing: its state: the one given, or 'doubted'; nil when it is a model too many, and stays open.
-- Calls that were under way together fail together: within the time to the next probe they
-- count once, or a crowd of them would be certain at once of what a few slow tries are to find out.
-- For the same reason it is safe to repeat.
-- @include clock
-- @include values
-- @include breakers/stored
-- @keys breakers

local MOST = 200 -- jobs may name any model: every exchange of a worker carries what is closed
local now = now_ms()
local stored = redis.call('HGET', breakers_key, name)
local is_new_model = not stored and string.sub(name, 1, 6) == 'model '
if is_new_model and redis.call('HLEN', breakers_key) >= MOST then return nil end
local breaker = sound_breaker(stored) or {strikes = 0, since = now, struck_at = 0}
-- A probe that fails must not undo what an operator said.
if breaker.state == 'paused' and state ~= 'paused' then return 'paused' end
if now - breaker.struck_at >= doubt_ms then
  breaker.strikes, breaker.struck_at = breaker.strikes + 1, now
end
-- What is certain stays so until it is opened, whoever meets it again.
local certain = breaker.state == state or breaker.strikes >= certain_after
breaker.state = certain and state or 'doubted'
breaker.code, breaker.reason = code, reason
breaker.every = certain and every_ms or doubt_ms
breaker.probe_at = now + breaker.every
redis.call('HSET', breakers_key, name, encoded(breaker))
return breaker.state
