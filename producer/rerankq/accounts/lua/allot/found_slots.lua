-- How many calls in flight an account was found to allow, when it limits these and not their rate.
-- Defines found_slots() (nil when it is the rate that is limited), crowded() (whether calls wait for slots).
-- Fields of the record: slots_found (the number that is allowed), slots_age (seconds for which all were
-- used, less those for which the number stays as it is), slots_since (when it was found), crowded_at (when
-- a worker last wanted more).
-- @defines found_slots crowded stay_at fewer_slots

-- To try one more costs a 429 or two: so the number stays for so many calls, within these seconds.
local STAY_CALLS, LEAST_STAY, MOST_STAY = 100, 1, 4

-- After that it grows ever faster, along the same curve as the rate.
function found_slots()
  return state.slots_found and state.slots_found * (1 + STEEP * math.max(0, state.slots_age) ^ 3)
end

function crowded() return not state.mode and now - (state.crowded_at or 0) < LANE_MS end

function stay_at(slots)
  local seconds = math.max(LEAST_STAY, math.min(MOST_STAY, STAY_CALLS / math.max(1, flow())))
  state.slots_found, state.slots_age, state.slots_since = math.max(1, slots), -seconds, now
  state.ceiling = nil
end

function fewer_slots(share)
  local slots = found_slots()
  stay_at(share < HEAVY and math.floor(slots) - math.max(1, 0.03 * slots)
    or math.max(slots / 2, slots * (1 - share)))
end
