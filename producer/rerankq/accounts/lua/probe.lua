-- Takes the turn to probe open breakers by one call: one worker at a time, as often as was said.
-- @argument request text: its name, the same when it is repeated and else never
-- @arguments names text: the breakers
-- @answer flag: 1 when the turn is the caller's for all that are closed still; else 0, and none is taken.
-- Safe to repeat: a turn that this very request has taken is the caller's still.
-- @include breakers/stored
-- @include clock
-- @include values
-- @keys breakers
local now, due = now_ms(), {}
for _, name in ipairs(names) do
  local breaker = sound_breaker(redis.call('HGET', breakers_key, name))
  if breaker and breaker.turn ~= request then
    if breaker.every == 0 or now < breaker.probe_at then return 0 end
    due[name] = breaker
  end
end
for name, breaker in pairs(due) do
  breaker.probe_at, breaker.turn = now + breaker.every, request
  redis.call('HSET', breakers_key, name, encoded(breaker))
end
return 1
