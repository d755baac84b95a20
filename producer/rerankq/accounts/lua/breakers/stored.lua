-- Breakers as they are stored, by a worker of any version.
-- Defines sound_breaker(stored) (its fields, or nil when it is damaged).
-- @defines sound_breaker
-- @include values

local NUMBERS = {'strikes', 'since', 'struck_at', 'every', 'probe_at'}

-- A damaged breaker counts as closed: it must not disturb the others.
function sound_breaker(stored)
  if not stored then return nil end
  local ok, breaker = pcall(cjson.decode, stored)
  if not ok or type(breaker) ~= 'table' or not text(breaker.state) then return nil end
  for _, field in ipairs(NUMBERS) do
    local value = breaker[field]
    if type(value) ~= 'number' or number(value) ~= value then return nil end
  end
  return breaker
end
