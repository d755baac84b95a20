-- Takes the turn to probe open breakers by one call: one worker at a time, at each breaker's interval.
-- @argument request text: name of the request: a repeat has the same one, every other request another
-- @arguments names text: the breakers
-- @answer flag: 1 when the caller has the turn for all of them that are still open; else 0, and takes none.
-- Safe to repeat: a turn that this request took before is still the caller's.
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
