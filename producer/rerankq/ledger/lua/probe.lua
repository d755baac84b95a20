-- Takes the turn to probe a closed circuit: one worker at a time, as often as was said.
-- ARGV: 1 its name
-- Returns 1 when the turn is the caller's, or the circuit is closed no more; else 0.
local now = now_ms()
local known = redis.call('HGET', 'rerankq:circuits', ARGV[1])
if not known then return 1 end
local circuit = cjson.decode(known)
if circuit.every == 0 or now < circuit.probe_at then return 0 end
circuit.probe_at = now + circuit.every
redis.call('HSET', 'rerankq:circuits', ARGV[1], cjson.encode(circuit))
return 1
