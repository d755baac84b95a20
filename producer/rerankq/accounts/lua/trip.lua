-- Opens a breaker: a key, a model or an account that may not be used for now.
-- @argument name text: of the breaker
-- @argument state text: once it is certain, 'parked' or 'paused'
-- @argument code text: of the reason
-- @argument reason text: in words
-- @argument certain_after number: failures in a row that make it certain
-- @argument doubt_ms number: ms to the next probe while it is not certain
-- @argument every_ms number: ms between probes when it is certain, 0 for none
-- @answer rows: its state, the one given or 'doubted', and the time since when it is open, in ms; none when it is a
-- model too many: it stays closed.
-- Calls that are under way together fail together. Within the time to the next probe they count once;
-- otherwise one moment of failures would make certain what several tries are meant to find out.
-- For the same reason it is safe to repeat.
-- @include clock
-- @include values
-- @include breakers/stored
-- @keys breakers
-- @constants NONSENSE_SCORES

local MOST = 200 -- jobs may name any model, and every exchange of a worker carries all open breakers
local now = now_ms()
local stored = redis.call('HGET', breakers_key, name)
local is_new_model = not stored and string.sub(name, 1, 6) == 'model '
if is_new_model and redis.call('HLEN', breakers_key) >= MOST then return {} end
local breaker = sound_breaker(stored) or {strikes = 0, since = now, struck_at = 0}
-- A probe that fails must not end an operator's pause.
if breaker.state == 'paused' and state ~= 'paused' then return {'paused', breaker.since} end
-- Nor may another failure hide that scores are nonsense: rankings of jobs end that failure, but not this one.
if breaker.code == NONSENSE_SCORES and code ~= NONSENSE_SCORES then return {breaker.state, breaker.since} end
if now - breaker.struck_at >= doubt_ms then
  breaker.strikes, breaker.struck_at = breaker.strikes + 1, now
end
-- A breaker that is certain stays so until it closes, whatever `certain_after` a later failure has.
local certain = breaker.state == state or breaker.strikes >= certain_after
breaker.state = certain and state or 'doubted'
breaker.code, breaker.reason = code, reason
breaker.every = certain and every_ms or doubt_ms
breaker.probe_at = now + breaker.every
redis.call('HSET', breakers_key, name, encoded(breaker))
return {breaker.state, breaker.since}
