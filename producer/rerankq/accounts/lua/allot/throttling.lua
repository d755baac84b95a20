-- What 429s, and their disguises, mean for all workers.
-- Defines close(mode, wait, step) and heed_throttling().
-- Of the record: sustained (calls a second in the long run, when nearly everything was throttled).

local STRAY = 0.01         -- a share that is no more than finding the limit out costs
local FLOOD, FLOOD_COUNT = 0.8, 4      -- nearly everything is throttled: stop, and probe
local IN_A_ROW, ROW_SECONDS = 12, 0.1  -- or so many, and nothing answered in between
local PROBE_MS = 1000
local LEAST_STEP = 0.8    -- of the rate, after a few 429s
local WINDOW_STEP = 0.95   -- of what a window lets through, when it was used up again

local function close(mode, wait, step)
  state.mode, state.reopens, state.step = mode, now + wait, step
  state.mode_since = state.mode_since or now
end

-- How long permits that were given out before a step down are still being used.
local function settle_ms(share)
  return share >= HEAVY and SETTLE_MS or SETTLE_MS + 1000 * lot() * peers / rate()
end

local function slow_down(share)
  -- Of slots that were told nobody has tried yet what calls they make a second.
  local before = state.ceiling and rate() or math.min(rate(), unproven())
  if share >= HEAVY then
    -- Both ways to tell what is still answered lag behind. Not less than half at once: the averages
    -- are of the last second, not of this moment.
    local answered = math.max(a_second(state.ok, share_ms()), before * (1 - share))
    state.ceiling, state.since = math.max(before / 2, math.min(before, answered)), now
  else
    -- What was answered on the average of a moment, as the last of it was let through by a burst.
    -- One 429 of many means that the limit is here: stay just below it for a while.
    local stray = state.throttled_long < STRAY * state.ok_long
    state.ceiling = math.max(LEAST_STEP * before, math.min(before, sustained()))
    state.since = stray and now - (K - STAY) * 1000 or now
  end
  state.ceiling = math.max(LEAST_RATE, state.ceiling)
end

local function take_the_other(served)
  if not state.slots_found then return stay_at(state.most_held) end
  state.slots_found, state.ceiling, state.since = nil, math.max(LEAST_RATE, served, sustained()), now
  -- What was saved up while slots were the limit would come as a flood.
  state.level = math.min(state.level, 0)
end

local function heed_throttling()
  if report.throttled == 0 or state.mode then return end
  local share = state.throttled / (state.throttled + state.ok)
  -- Calls under way were let in, though it will be a while until they are answered.
  local let_in = state.ok + state.held
  if state.throttled >= math.max(FLOOD_COUNT, FLOOD * (state.throttled + let_in))
    or state.refused >= math.max(IN_A_ROW, ROW_SECONDS * flow(), 4 * state.held) then
    -- A window that is used up, or a far lower limit. What was borne in the long run is what
    -- such a window lets through.
    -- After a pause that average is still rising: of a window that is known it is no better measure.
    local average = state.long / (LONG_MS / 1000)
    state.sustained = is_windowed() and math.max(average, WINDOW_STEP * state.sustained) or average
    state.ceiling = math.max(LEAST_RATE, math.min(rate() / 2, a_second(state.long, LONG_MS)))
    state.since, state.slots_found = now, nil
    return close('throttled', math.max(PROBE_MS, report.pause_ms), PROBE_MS)
  end
  -- A window is neither of the two, and slots for less than a worker each are had in turns only.
  local tried = not is_windowed() and (state.slots_found or state.ceiling and state.held >= active)
  local other = tried and ends_trial(share >= HEAVY)
  if other then
    take_the_other(other)
  elseif state.slots_found then
    if now - state.slots_since >= SETTLE_MS then fewer_slots(share) end
  elseif now - (state.since or 0) >= settle_ms(share) then
    slow_down(share)
  end
end
