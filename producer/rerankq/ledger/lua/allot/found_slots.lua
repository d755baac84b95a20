-- Calls in flight that an account was found to bear at once.
-- Defines found_slots() (nil before they were ever too many), crowded() (whether it is they that
-- hold the work up, and not the rate) and fewer_slots(share).
-- Of the record: room (calls in flight that were too many), room_age (seconds on the curve since
-- then), room_since (when that was), crowded_at (when somebody last wanted more than there were).

-- Of the rate: with less, it is something else that holds the work up.
local CROWDED, ROOMY = 0.95, 1.4
local HEAVY = 0.25         -- a share of 429s that calls for a large step down
local SETTLE_MS = 300      -- answers to calls from before a step down say nothing about it

-- Calls in flight that were once too many, and since then carefully more: along the same curve,
-- but only while it is these that hold the work up, and not the rate.
local function found_slots()
  return state.room and math.max(1, state.room * (1 + STEEP * (state.room_age - K) ^ 3))
end

local function crowded()
  return state.room and not state.mode and now - (state.crowded_at or 0) < LANE_MS
    and flow() < CROWDED * rate()
end

local function fewer_slots(share)
  local slots = found_slots()
  if share < HEAVY then
    state.room, state.room_age = math.max(1, slots - math.max(1, 0.03 * slots)), K - STAY
    state.ceiling = ROOMY * math.max(LEAST_RATE, a_second(state.ok, share_ms()))
    state.since = now - (K - STAY) * 1000
  else
    state.room, state.room_age = math.max(1, slots / 2, slots * (1 - share)), 0
  end
  state.room_since = now
end
