-- When a worker's next exchange is.
-- Defines ask_ms(permits, tokens, slots): the ms until the next exchange of a worker that was given
-- these; slots are nil without a limit.
-- Fields of the record: turn (when the last worker in the queue has its turn).
-- @defines ask_ms

local MOST_ASK_MS = 2000
-- With fewer slots than workers: how long a worker has a slot at a time, and how often one of those without
-- looks for a free one. So a free slot is idle for a twentieth of a turn.
local SLOT_TURN_MS, SLOT_LOOK_MS = 1000, 50

-- A worker that got less than it wanted has its turn after all others, one lot later than the last of them.
-- One that got enough permits, or that lacks only slots, comes again when its permits are used up.
function ask_ms(permits, tokens, slots)
  local short_of_tokens = limits.tpm and tokens < report.want_tokens
  local lasts_ms = math.min(MOST_ASK_MS, 1000 * LOT_CALLS * peers / flow())
  if slots and slots < report.want_slots and slots_in_turns() then
    if slots > 0 then return SLOT_TURN_MS end
    -- While its call is under way the slot is not free: it comes soon, to report the call's end.
    local waiting = report.in_flight > 0 and 1 or active - most_slots()
    return math.min(MOST_ASK_MS, SLOT_LOOK_MS * waiting)
  end
  if permits >= report.want and not short_of_tokens then return lasts_ms end
  if slots and slots < report.want_slots and permits >= lot() then
    return math.min(lasts_ms, 1000 * permits * peers / rate())
  end
  local gap = 1000 * lot() / rate()
  if short_of_tokens then
    local enough = math.min(0.8 * most_tokens(), lot() * report.want_tokens / report.want)
    gap = math.max(gap, 1000 * (enough - state.tokens) / tokens_a_second())
  end
  if is_interactive then return gap end
  state.turn = math.min(math.max(now, state.turn or 0) + gap, now + gap * peers)
  return state.turn - now
end
