-- The breakers that are open, for the answer to every worker.
-- Defines open_breakers() (JSON: by name what is stored of each, as a text).
-- Fields of the record: tidied (when breakers that are not in use any more were last deleted).
-- @defines open_breakers
-- @keys breakers

local TIDY_MS, UNUSED_MS = 3600000, 24 * 3600000

-- Whether it is damaged, or nobody tripped or probed it for a day: its key was replaced, or no job asks for
-- its model.
local function is_unused(stored)
  local breaker = sound_breaker(stored)
  return not breaker or (breaker.state ~= 'paused' and now - breaker.probe_at > UNUSED_MS)
end

function open_breakers()
  local tidy = worker ~= '' and now - (state.tidied or 0) > TIDY_MS
  if tidy then state.tidied = now end
  local listed, breakers = {}, redis.call('HGETALL', breakers_key)
  for at = 1, #breakers, 2 do
    local name, breaker = breakers[at], breakers[at + 1]
    if tidy and is_unused(breaker) then
      redis.call('HDEL', breakers_key, name)
    else
      -- Not decoded: each exchange carries them, and there may be many. Each is a text of its own, so a
      -- damaged one does not cost the reader the others.
      listed[#listed + 1] = cjson.encode(name) .. ':' .. cjson.encode(breaker)
    end
  end
  return '{' .. table.concat(listed, ',') .. '}'
end
