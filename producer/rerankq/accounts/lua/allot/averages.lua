-- What was seen of the upstream lately: counts that fade.
-- Defines faded(name, ms), a_second(count, ms), flow() (calls begun a second), sustained() (calls
-- answered a second), share_ms(), count_answers() and remember_flow().
-- Of the record: began, ok, throttled, well, trouble, lately, long, ok_long, throttled_long, refused
-- (429s since the last answer), retries (the fleet's budget of them), proven (calls a second that
-- were borne), most_held (calls at once that were, in the last seconds).

local START_RATE = 100     -- calls a second that an unknown upstream is first trusted with
local SHARE_CALLS = 40
local FLOW_MS, TROUBLE_MS, LONG_MS = 500, 7000, 60000  -- time constants of the averages
local LATELY_MS, STRAY_MS, HELD_MS = 1000, 6000, 5000
-- For each answer half a retry: what a third of failures needs. Where more fail the breaker is near.
local RETRY_SHARE, FIRST_RETRIES, MOST_RETRIES = 0.5, 20, 200
-- Besides, a tenth of the calls that were borne lately: where only retries are left, as at the end of
-- a run, there are few answers that could pay for them. And one a second, or nothing could succeed.
local RETRY_FLOW, RETRIES_A_SECOND = 0.1, 1
local LEAST_ASK_MS = 100   -- between two exchanges of a worker

local function faded(name, constant)
  return (state[name] or 0) * math.exp(-elapsed / constant)
end

-- What was counted, a second; a young account's average has not had the time to rise.
local function a_second(counted, constant)
  local share = 1 - math.exp(-math.max(LEAST_ASK_MS, now - state.born) / constant)
  return counted / (constant / 1000) / share
end

local function flow() return a_second(state.began, FLOW_MS) end
local function sustained() return a_second(state.lately, LATELY_MS) end

-- Answers are counted over some dozens of calls: of fewer, a single 429 would be a large share.
local function share_ms()
  local usual = state.ceiling or state.slots_found and math.max(1, flow()) or START_RATE
  return math.max(500, math.min(3000, 1000 * SHARE_CALLS / usual))
end

local function count_answers()
  state.began = faded('began', FLOW_MS) + report.began
  local share_ms = share_ms()
  state.ok = faded('ok', share_ms) + report.ok
  state.long = faded('long', LONG_MS) + report.ok
  state.ok_long = faded('ok_long', STRAY_MS) + report.ok
  state.throttled_long = faded('throttled_long', STRAY_MS) + report.throttled
  state.lately = faded('lately', LATELY_MS) + report.ok
  state.throttled = faded('throttled', share_ms) + report.throttled
  state.refused = report.ok > 0 and 0 or (state.refused or 0) + report.throttled
  state.well = faded('well', TROUBLE_MS) + report.ok
  state.trouble = faded('trouble', TROUBLE_MS) + report.trouble
  local retries_a_second = math.max(RETRIES_A_SECOND, RETRY_FLOW * (state.proven or 0))
  state.retries = math.min(MOST_RETRIES, (state.retries or FIRST_RETRIES)
    + RETRY_SHARE * report.ok + retries_a_second * elapsed / 1000 - report.retries)
end

-- What was borne within the last minutes is borne again, also after a moment in which less came.
local function remember_flow()
  state.proven = math.max(faded('proven', LONG_MS), flow())
  state.most_held = math.max(faded('most_held', HELD_MS), state.held)
end
