-- Closes a circuit: a key, a model or an account that may not be used for now.
-- ARGV: 1 its name, 2 state once it is certain ('parked' or 'paused'), 3 code of the reason,
--       4 the reason in words, 5 times in a row that it must happen to be certain,
--       6 ms to the next probe while it is not, 7 ms between probes when it is, '' for none
-- Returns its state: the one given, or 'doubted'; nil when it is a model too many, and stays open.
-- Calls that were under way together fail together: within the time to the next probe they
-- count once, or a crowd of them would be certain at once of what a few slow tries are to find out.
-- For the same reason it is safe to repeat.
-- @include clock
-- @include values
-- @include circuits/stored
-- @keys circuits

local MOST = 200 -- jobs may name any model: every exchange of a worker carries what is closed
local now = now_ms()
local stored = redis.call('HGET', circuits_key, ARGV[1])
local is_new_model = not stored and string.sub(ARGV[1], 1, 6) == 'model '
if is_new_model and redis.call('HLEN', circuits_key) >= MOST then return nil end
local circuit = sound_circuit(stored) or {strikes = 0, since = now, struck_at = 0}
-- A probe that fails must not undo what an operator said.
if circuit.state == 'paused' and ARGV[2] ~= 'paused' then return 'paused' end
if now - circuit.struck_at >= tonumber(ARGV[6]) then
  circuit.strikes, circuit.struck_at = circuit.strikes + 1, now
end
-- What is certain stays so until it is opened, whoever meets it again.
local certain = circuit.state == ARGV[2] or circuit.strikes >= tonumber(ARGV[5])
circuit.state = certain and ARGV[2] or 'doubted'
circuit.code, circuit.reason = ARGV[3], ARGV[4]
circuit.every = tonumber(certain and ARGV[7] or ARGV[6]) or 0
circuit.probe_at = now + circuit.every
redis.call('HSET', circuits_key, ARGV[1], encoded(circuit))
return circuit.state
