-- What 429s, and their disguises, mean for all workers.
-- Defines close(mode, wait, step) and heed_throttling().
-- Of the record: borne (calls a second in the long run, when nearly everything was throttled).

local STRAY = 0.01         -- a share that is no more than finding the limit out costs
local FLOOD, FLOOD_COUNT = 0.8, 4      -- nearly everything is throttled: stop, and probe
local PROBE_MS = 1000

local function close(mode, wait, step)
  state.mode, state.reopens, state.step = mode, now + wait, step
  state.mode_since = state.mode_since or now
end

-- How long permits that were given out before a step down are still being used.
local function settle_ms(share)
  return share >= HEAVY and SETTLE_MS or SETTLE_MS + 1000 * lot() * peers / rate()
end

local function step_down(share)
  if state.room and share >= HEAVY then
    fewer_slots(share)
  elseif share < HEAVY and state.ceiling then
    -- Perhaps it is not the rate that was too much, but the calls in flight. If they were fewer
    -- than was thought to be too many, it was not they.
    state.room, state.room_age = state.room and 1.25 * found_slots() or math.max(1, state.held), K + STAY
  end
  local before = rate()
  -- What was still answered is what the upstream bears; both ways to tell lag behind. Not less
  -- than half at once: the averages are of the last second, not of this moment.
  local borne = math.max(a_second(state.ok, share_ms()), before * (1 - share))
  state.ceiling = math.max(LEAST_RATE, before / 2, math.min(before, borne))
  state.since = now
end

local function heed_throttling()
  if report.throttled == 0 or state.mode then return end
  local share = state.throttled / (state.throttled + state.ok)
  if share >= FLOOD and state.throttled >= FLOOD_COUNT then
    -- A window that is used up, or a far lower limit. What was borne in the long run is what
    -- such a window lets through.
    state.borne = state.long / (LONG_MS / 1000)
    state.ceiling = math.max(LEAST_RATE, math.min(rate() / 2, a_second(state.long, LONG_MS)))
    state.since = now
    close('throttled', math.max(PROBE_MS, report.pause_ms), PROBE_MS)
  elseif share < HEAVY and crowded() then
    if now - (state.room_since or 0) >= SETTLE_MS then fewer_slots(share) end
  elseif now - (state.since or 0) >= settle_ms(share) then
    if state.throttled_long >= STRAY * state.ok_long then return step_down(share) end
    -- One of many: this is the limit. Stay a little below it for a while.
    state.ceiling, state.since = rate(), now - (K - STAY) * 1000
  end
end
