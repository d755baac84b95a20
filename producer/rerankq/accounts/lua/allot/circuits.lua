-- The circuits that are closed, as every worker is told of them.
-- Defines closed_circuits() (JSON: by name what is stored of each, as a text).
-- Of the record: tidied (when it was last looked for circuits that nobody needs any more).
-- @keys circuits

local TIDY_MS, UNUSED_MS = 3600000, 24 * 3600000

-- Whether nobody met it or probed it for a day: a key that was replaced, a model nobody asks for. Or
-- it is damaged.
local function is_unused(stored)
  local circuit = sound_circuit(stored)
  return not circuit or (circuit.state ~= 'paused' and now - circuit.probe_at > UNUSED_MS)
end

local function closed_circuits()
  local tidy = worker ~= '' and now - (state.tidied or 0) > TIDY_MS
  if tidy then state.tidied = now end
  local closed, circuits = {}, redis.call('HGETALL', circuits_key)
  for at = 1, #circuits, 2 do
    local name, circuit = circuits[at], circuits[at + 1]
    if tidy and is_unused(circuit) then
      redis.call('HDEL', circuits_key, name)
    else
      -- As it is stored, there may be many, and they are told at each exchange; but as a text, so
      -- that whoever reads it judges each for itself.
      closed[#closed + 1] = cjson.encode(name) .. ':' .. cjson.encode(circuit)
    end
  end
  return '{' .. table.concat(closed, ',') .. '}'
end
