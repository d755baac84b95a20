-- How many calls a second an account is trusted with: the known limit, and what 429s have shown.
-- Defines is_windowed() (whether a window was used up lately), rate() and limited() (whether a limit is known
-- or found at all).
-- Fields of the record: ceiling (the rate that was too much, nil before the first 429), since (when that
-- was), before (the rate before an outage), window_at (when a window was last used up).
-- @defines PACE LEAST_RATE K STEEP STAY WINDOW_KEPT_MS HEAVY SETTLE_MS is_windowed unproven rate limited

PACE = 0.99          -- of a known limit: calls given out evenly arrive less evenly
LEAST_RATE = 0.2
local CALLS_A_SLOT = 10    -- a second, to begin with: a call takes a tenth of a second or longer
local GROWTH = 3           -- times the calls that begin a second, as long as none was throttled
-- After a 429 the rate follows the curve of CUBIC (RFC 9438): a step down, flat around the level
-- that was too much, and then ever steeper. It is back at that level after K seconds, at twice the level
-- after 9. After a small step down it is back STAY seconds later.
K, STEEP, STAY = 3, 0.00463, 1
-- Too high a rate is not noticed before a fixed window is used up. So for a while after that, the rate climbs
-- more slowly above what such a window lets through.
WINDOW_KEPT_MS = 600000
local SLOWLY = 8
HEAVY = 0.25         -- a share of 429s that calls for a large step down
SETTLE_MS = 300      -- answers to calls from before a step down say nothing about it

local function known_rate()
  local rpm = limits.rpm
  return rpm and math.min(PACE * rpm, math.max(rpm - 1, rpm / 2)) / 60
end

function is_windowed() return now - (state.window_at or 0) < WINDOW_KEPT_MS end

local function climbed(slowly)
  return state.ceiling * (1 + STEEP * ((now - state.since) / 1000 / slowly - K) ^ 3)
end

-- The rate for an upstream that has not throttled anything yet.
function unproven()
  return math.max(START_RATE, GROWTH * flow(), state.before or 0, state.proven)
end

-- Calls a second: the known limit, and what 429s have shown.
function rate()
  local known = known_rate() or math.huge
  if not state.ceiling then
    if known < math.huge then return known end
    -- A configured number of calls at once may be used from the start.
    return math.max(unproven(), CALLS_A_SLOT * (limits.concurrency or 0))
  end
  local found = climbed(1)
  if is_windowed() then
    found = math.max(math.min(found, state.sustained), climbed(SLOWLY))
  end
  -- A rate that was never tried proves nothing: no more than twice what is really used.
  return math.min(known, math.max(LEAST_RATE,
    math.min(found, math.max(2 * flow(), state.ceiling))))
end

function limited() return known_rate() ~= nil or state.ceiling ~= nil end
