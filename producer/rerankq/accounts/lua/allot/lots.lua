-- Permits and tokens that were saved up since the last exchange, and how many of them a worker is given at
-- a time.
-- Defines lot() (calls that a worker is given at a time), save_up() (returns the most permits that are saved
-- up) and take(most) (returns permits and tokens).
-- Fields of the record: level (permits saved up), bulk_level (those that are bulk's alone), tokens.
-- @defines LOT_CALLS BULK_SHARE LANE_MS lot tokens_a_second most_tokens save_up take

local LOT_SECONDS = 0.5    -- the most that is saved up; a limit can be exceeded by this much
LOT_CALLS = 12
local KNOWN_TURN_SECONDS, TURN_SECONDS = 2, 1  -- a rate that was found out may be wrong: reported sooner
local LOT_SHARE = 1.5      -- of a lot that one worker may have, so that the next finds some too
BULK_SHARE = 0.1     -- of the rate that stays with bulk, however much is interactive
LANE_MS = 3000       -- a lane that asked so recently counts as busy; longer than MOST_ASK_MS

local function divisor(a, b)
  while b > 0 do a, b = b, a % b end
  return a
end

-- Calls that a worker is given at a time: enough that Redis is asked seldom, few enough that each worker's
-- turn comes every two seconds.
function lot()
  local share, turn = rate() / peers, state.ceiling and TURN_SECONDS or KNOWN_TURN_SECONDS
  local calls = math.floor(0.5 + math.max(1,
    math.min(math.max(LOT_CALLS, share * LEAST_ASK_MS / 1000), share * turn)))
  -- If calls and peers had a common divisor, workers that take turns would begin calls at the same moments.
  while divisor(calls, peers) > 1 do calls = calls + 1 end
  return calls
end

function tokens_a_second() return PACE * limits.tpm / 60 end
function most_tokens() return math.max(1, tokens_a_second() * LOT_SECONDS) end

-- Adds what was saved up since the last exchange. While both lanes are busy, a part is for bulk only.
function save_up()
  local most = math.max(1, rate() * LOT_SECONDS, LOT_SHARE * lot())
  local gain = rate() * elapsed / 1000
  local both = now - (state.interactive_at or 0) < LANE_MS and now - (state.bulk_at or 0) < LANE_MS
  local set_aside = both and BULK_SHARE * gain or 0
  state.bulk_level = math.min(most, (state.bulk_level or 0) + set_aside)
  state.level = math.min(most, state.level + gain - set_aside + report.left)
  if limits.tpm then
    state.tokens = math.min(most_tokens(), (state.tokens or 1)
      + tokens_a_second() * elapsed / 1000 + report.left_tokens)
  end
  return most
end

-- Interactive work may overdraw by half a lot, so it need not wait; bulk then waits instead.
local function debt_of(most) return is_interactive and math.floor(most / 2) or 0 end

function take(most)
  local debt = debt_of(most)
  if limits.tpm and state.tokens + (is_interactive and limits.tpm / 60 * LOT_SECONDS / 2 or 0) <= 0 then
    return 0, 0
  end
  local want = report.want
  if limited() and not is_interactive then want = math.min(want, math.ceil(LOT_SHARE * lot())) end
  local aside = is_interactive and 0 or math.min(want, math.floor(state.bulk_level))
  local given = math.max(0, math.min(want - aside, math.floor(state.level + debt)))
  state.bulk_level = state.bulk_level - aside
  state.level = state.level - given
  local tokens = 0
  if limits.tpm and given + aside > 0 then
    -- No more than these calls need: tokens that one worker holds unused are missing for the others.
    local share = report.want_tokens * (given + aside) / report.want
    tokens = math.max(1, math.min(share, state.tokens))
    state.tokens = state.tokens - tokens
  end
  return given + aside, tokens
end
