-- Circuits as they are stored, by whatever version of a worker.
-- Defines sound_breaker(stored) (its fields, or nil where these are not what they should be).
-- @include values

local NUMBERS = {'strikes', 'since', 'struck_at', 'every', 'probe_at'}

-- One that is damaged counts as none: it must not cost those beside it their service.
local function sound_breaker(stored)
  if not stored then return nil end
  local sound, breaker = pcall(cjson.decode, stored)
  if not sound or type(breaker) ~= 'table' or not text(breaker.state) then return nil end
  for _, field in ipairs(NUMBERS) do
    local value = breaker[field]
    if type(value) ~= 'number' or number(value) ~= value then return nil end
  end
  return breaker
end
