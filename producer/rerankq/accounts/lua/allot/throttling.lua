-- How 429s, and answers that mean the same, slow all workers down.
-- Defines trip(mode, wait, step), which takes the account out of use.
-- Fields of the record: sustained (calls a second in the long run, measured when nearly all were throttled).
-- @defines trip react_to_throttling

local STRAY = 0.01         -- a share of 429s that is the normal cost of searching for the limit
local FLOOD, FLOOD_COUNT = 0.8, 4      -- nearly all calls are throttled: stop, and probe
local IN_A_ROW, ROW_SECONDS = 12, 0.1  -- or so many in a row
local PROBE_MS = 1000
local LEAST_STEP = 0.8    -- of the rate, after a few 429s
local WINDOW_STEP = 0.95   -- of what a window lets through, after it was used up once more

function trip(mode, wait, step)
  state.mode, state.reopens, state.step = mode, now + wait, step
  state.mode_since = state.mode_since or now
end

-- How long workers still use permits that were given out before a step down.
local function settle_ms(share)
  return share >= HEAVY and SETTLE_MS or SETTLE_MS + 1000 * lot() * peers / rate()
end

local function slow_down(share)
  -- A rate that follows from a configured number of slots has not been tried yet: not used as a measure.
  local before = state.ceiling and rate() or math.min(rate(), unproven())
  if share >= HEAVY then
    -- Two estimates of what is still answered: the larger, because both lag behind. At most halved in one
    -- step: the averages are of the last second, not of this moment.
    local answered = math.max(a_second(state.ok, share_ms()), before * (1 - share))
    state.ceiling, state.since = math.max(before / 2, math.min(before, answered)), now
  else
    -- The average of what was answered lately, because single moments may be bursts. A single 429 among many
    -- calls means that the limit is just here: stay slightly below it for a while.
    local stray = state.throttled_long < STRAY * state.ok_long
    state.ceiling = math.max(LEAST_STEP * before, math.min(before, sustained()))
    state.since = stray and now - (K - STAY) * 1000 or now
  end
  state.ceiling = math.max(LEAST_RATE, state.ceiling)
end

local function switch_limit(served)
  if not state.slots_found then return stay_at(state.most_held) end
  state.slots_found, state.ceiling, state.since = nil, math.max(LEAST_RATE, served, sustained()), now
  -- Permits that were saved up while slots were the limit would be used all at once.
  state.level = math.min(state.level, 0)
end

function react_to_throttling()
  if report.throttled == 0 or state.mode then return end
  local share = state.throttled / (state.throttled + state.ok)
  -- Calls under way count as let through, though they are not answered yet.
  local let_in = state.ok + state.held
  if state.throttled >= math.max(FLOOD_COUNT, FLOOD * (state.throttled + let_in))
    or state.refused >= math.max(IN_A_ROW, ROW_SECONDS * flow(), 4 * state.held) then
    -- A fixed window is used up, or the limit is far lower. The rate that was served in the long run is what
    -- such a window lets through. Shortly after a pause that average is too low: then, if a window is
    -- known, nearly its rate is kept.
    local average = state.long / (LONG_MS / 1000)
    state.sustained = is_windowed() and math.max(average, WINDOW_STEP * state.sustained) or average
    state.ceiling = math.max(LEAST_RATE, math.min(rate() / 2, a_second(state.long, LONG_MS)))
    state.since, state.slots_found = now, nil
    return trip('throttled', math.max(PROBE_MS, report.pause_ms), PROBE_MS)
  end
  -- No trial under a fixed window, or when there are fewer slots than workers, which then take turns.
  local tried = not is_windowed() and (state.slots_found or state.ceiling and state.held >= active)
  local other = tried and ends_trial(share >= HEAVY)
  if other then
    switch_limit(other)
  elseif state.slots_found then
    if now - state.slots_since >= SETTLE_MS then fewer_slots(share) end
  elseif now - (state.since or 0) >= settle_ms(share) then
    slow_down(share)
  end
end
