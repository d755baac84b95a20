-- The keys of the account by which rankings were given lately: such a key is not parked for one job.
-- Defines served_keys (their fingerprints) and note_served().
-- Of the record: served (JSON: by fingerprint when the last ranking was given).

local served_keys, note_served = {}, nil

-- In a block, as Lua bounds the names of a script.
do
local LATELY_MS, MOST_KEYS = 60000, 50

note_served = function()
  local sound, at = pcall(cjson.decode, state.served or '{}')
  if not sound or type(at) ~= 'table' then at = {} end
  for _, name in ipairs(report.served or {}) do at[name] = now end
  local kept = {}
  for name, when in pairs(at) do
    local is_late = now - number(when) > LATELY_MS or #served_keys >= MOST_KEYS
    if type(name) == 'string' and not is_late then
      kept[name] = when
      served_keys[#served_keys + 1] = name
    end
  end
  state.served = next(kept) and cjson.encode(kept) or nil
end

end
