-- Takes the turn to probe closed circuits by one call: one worker at a time, as often as was said.
-- ARGV: their names
-- Returns 1 when the turn is the caller's for all that are closed still; else 0, and none is taken.
-- @include circuits/stored
local now, due = now_ms(), {}
for _, name in ipairs(ARGV) do
  local circuit = sound_circuit(redis.call('HGET', 'rerankq:circuits', name))
  if circuit then
    if circuit.every == 0 or now < circuit.probe_at then return 0 end
    due[name] = circuit
  end
end
for name, circuit in pairs(due) do
  circuit.probe_at = now + circuit.every
  redis.call('HSET', 'rerankq:circuits', name, encoded(circuit))
end
return 1
