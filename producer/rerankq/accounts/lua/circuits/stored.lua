-- Circuits as they are stored, by whatever version of a worker.
-- Defines sound_circuit(stored) (its fields, or nil where these are not what they should be).
-- @include values

local NUMBERS = {'strikes', 'since', 'struck_at', 'every', 'probe_at'}

-- One that is damaged counts as none: it must not cost those beside it their service.
local function sound_circuit(stored)
  if not stored then return nil end
  local sound, circuit = pcall(cjson.decode, stored)
  if not sound or type(circuit) ~= 'table' or not text(circuit.state) then return nil end
  for _, field in ipairs(NUMBERS) do
    local value = circuit[field]
    if type(value) ~= 'number' or number(value) ~= value then return nil end
  end
  return circuit
end
