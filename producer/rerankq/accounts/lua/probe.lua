-- Takes the turn to probe closed circuits by one call: one worker at a time, as often as was said.
-- @argument request text: its name, the same when it is repeated and else never
-- @arguments names text: the circuits
-- @answer flag: 1 when the turn is the caller's for all that are closed still; else 0, and none is taken.
-- Safe to repeat: a turn that this very request has taken is the caller's still.
-- @include circuits/stored
-- @include clock
-- @include values
-- @keys circuits
local now, due = now_ms(), {}
for _, name in ipairs(names) do
  local circuit = sound_circuit(redis.call('HGET', circuits_key, name))
  if circuit and circuit.turn ~= request then
    if circuit.every == 0 or now < circuit.probe_at then return 0 end
    due[name] = circuit
  end
end
for name, circuit in pairs(due) do
  circuit.probe_at, circuit.turn = now + circuit.every, request
  redis.call('HSET', circuits_key, name, encoded(circuit))
end
return 1
