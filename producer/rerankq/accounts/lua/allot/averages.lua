-- What was seen of the upstream lately: counts that decay exponentially.
-- Defines flow() (calls begun a second), sustained() (calls answered a second).
-- Fields of the record: began, ok, throttled, well, trouble, lately, long, ok_long, throttled_long, refused
-- (429s since the last answer), retries (how many more all workers may begin), proven (calls a second that
-- were begun lately, at most), most_held (the same of calls at once, in the last seconds).
-- @defines START_RATE LONG_MS LEAST_ASK_MS faded a_second flow sustained share_ms count_answers remember_flow

START_RATE = 100     -- calls a second that an unknown upstream is first trusted with
local SHARE_CALLS = 40
-- Time constants of the averages.
LONG_MS = 60000
local FLOW_MS, TROUBLE_MS = 500, 7000
local LATELY_MS, STRAY_MS, HELD_MS = 1000, 6000, 5000
-- Each answer pays for half a retry: enough when a third of calls fail. When more fail, the breaker will
-- open.
local RETRY_SHARE, FIRST_RETRIES, MOST_RETRIES = 0.5, 20, 200
-- A tenth of the calls that were begun lately may be retries too: at the end of a run only retries are left,
-- and few answers pay for them. At least one a second, or no retry could ever succeed.
local RETRY_FLOW, RETRIES_A_SECOND = 0.1, 1
LEAST_ASK_MS = 100   -- between two exchanges of a worker

function faded(name, constant)
  return (state[name] or 0) * math.exp(-elapsed / constant)
end

-- A count as a rate a second. The average of a young account has not had the time to rise: corrected here.
function a_second(counted, constant)
  local share = 1 - math.exp(-math.max(LEAST_ASK_MS, now - state.born) / constant)
  return counted / (constant / 1000) / share
end

function flow() return a_second(state.began, FLOW_MS) end
function sustained() return a_second(state.lately, LATELY_MS) end

-- The time over which some dozens of calls are answered: among fewer, a single 429 would be a large share.
function share_ms()
  local usual = state.ceiling or state.slots_found and math.max(1, flow()) or START_RATE
  return math.max(500, math.min(3000, 1000 * SHARE_CALLS / usual))
end

function count_answers()
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

-- The upstream is trusted again with what it served within the last minutes, also after a quiet moment.
function remember_flow()
  state.proven = math.max(faded('proven', LONG_MS), flow())
  state.most_held = math.max(faded('most_held', HELD_MS), state.held)
end
