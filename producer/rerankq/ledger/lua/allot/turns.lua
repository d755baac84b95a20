-- When a worker comes again.
-- Defines ask_ms(permits, tokens): the time until the next exchange of one that was given so much.
-- Of the record: turn (when the last in the row has its turn).

local MOST_ASK_MS = 2000

-- A worker that got less than it wanted takes its turn after all others, each a lot later than
-- the one before; one that got enough comes again when that is used up.
local function ask_ms(permits, tokens)
  local short_of_tokens = limits.tpm and tokens < report.want_tokens
  if permits >= report.want and not short_of_tokens then
    return math.min(MOST_ASK_MS, 1000 * LOT_CALLS * peers / flow())
  end
  local gap = 1000 * lot() / rate()
  if short_of_tokens then
    gap = math.max(gap, 1000 * (0.8 * most_tokens() - state.tokens) / tokens_a_second())
  end
  if urgent then return gap end
  state.turn = math.min(math.max(now, state.turn or 0) + gap, now + gap * peers)
  return state.turn - now
end
