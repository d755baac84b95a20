-- The breakers that are open, as every worker is told of them.
-- Defines closed_circuits() (JSON: by name what is stored of each, as a text).
-- Of the record: tidied (when it was last looked for breakers that nobody needs any more).
-- @keys breakers

local TIDY_MS, UNUSED_MS = 3600000, 24 * 3600000

-- Whether nobody met it or probed it for a day: a key that was replaced, a model nobody asks for. Or
-- it is damaged.
local function is_unused(stored)
  local breaker = sound_breaker(stored)
  return not breaker or (breaker.state ~= 'paused' and now - breaker.probe_at > UNUSED_MS)
end

local function closed_circuits()
  local tidy = worker ~= '' and now - (state.tidied or 0) > TIDY_MS
  if tidy then state.tidied = now end
  local closed, breakers = {}, redis.call('HGETALL', breakers_key)
  for at = 1, #breakers, 2 do
    local name, breaker = breakers[at], breakers[at + 1]
    if tidy and is_unused(breaker) then
      redis.call('HDEL', breakers_key, name)
    else
      -- As it is stored, there may be many, and they are told at each exchange; but as a text, so
      -- that whoever reads it judges each for itself.
      closed[#closed + 1] = cjson.encode(name) .. ':' .. cjson.encode(breaker)
    end
  end
  return '{' .. table.concat(closed, ',') .. '}'
end
