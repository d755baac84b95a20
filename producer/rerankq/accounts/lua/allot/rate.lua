-- How many calls a second an account is trusted with: what is known, and what was found out by
-- being throttled.
-- Defines known_rate(), is_windowed() (whether a window is remembered), rate() and limited() (whether
-- it is known or found at all).
-- Of the record: ceiling (the level that was too much, nil before the first 429), since (when it
-- was), before (the rate before an outage), window_at (when a window was last used up).

local PACE = 0.99          -- of a known limit: clocks and networks spread what was given out evenly
local LEAST_RATE = 0.2
local CALLS_A_SLOT = 10    -- a second, to begin with: a call takes a tenth of one, or longer
local GROWTH = 3           -- times the calls that begin a second, as long as nothing was refused
-- After a 429 the rate follows the curve of CUBIC (RFC 9438): a step down, flat around the level
-- that was too much, and then ever steeper. It is back there after K seconds, twice there at 9.
-- A small step is to STAY seconds before the level.
local K, STEEP, STAY = 3, 0.00463, 1
-- A window that was used up is passed unnoticed until the next is: so for a while the rate climbs more
-- slowly above what such a window lets through.
local WINDOW_KEPT_MS, SLOWLY = 600000, 8
local HEAVY = 0.25         -- a share of 429s that calls for a large step down
local SETTLE_MS = 300      -- answers to calls from before a step down say nothing about it

local function known_rate()
  local rpm = limits.rpm
  return rpm and math.min(PACE * rpm, math.max(rpm - 1, rpm / 2)) / 60
end

local function is_windowed() return now - (state.window_at or 0) < WINDOW_KEPT_MS end

local function climbed(slowly)
  return state.ceiling * (1 + STEEP * ((now - state.since) / 1000 / slowly - K) ^ 3)
end

-- What an upstream is trusted with that has refused nothing yet.
local function unproven()
  return math.max(START_RATE, GROWTH * flow(), state.before or 0, state.proven)
end

-- Calls a second: the known limit, and what was found out by being throttled.
local function rate()
  local known = known_rate() or math.huge
  if not state.ceiling then
    if known < math.huge then return known end
    -- As many calls at once as were told need not be climbed to.
    return math.max(unproven(), CALLS_A_SLOT * (limits.concurrency or 0))
  end
  local found = climbed(1)
  if is_windowed() then
    found = math.max(math.min(found, state.sustained), climbed(SLOWLY))
  end
  -- What was not tried is not known: no further than twice what is really used.
  return math.min(known, math.max(LEAST_RATE,
    math.min(found, math.max(2 * flow(), state.ceiling))))
end

local function limited() return known_rate() ~= nil or state.ceiling ~= nil end
