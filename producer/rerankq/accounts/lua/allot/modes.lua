-- Pauses, failures of the upstream, and how an account that is out of use becomes usable again.
-- Defines probe_of(usable_at) (permits, tokens, and whether these are a probe's).
-- Fields of the record: pause (until when the upstream asked everyone to wait), pause_since, mode
-- ('throttled' or 'broken', nil while it is usable), mode_since, reopens (when the next probe may be sent),
-- step (ms to the one after it), cause (class and status of the last 429 or failure meanwhile), astray (the
-- last answers in a row that did not come from the endpoint), used_up_at (when it was last throttled for as
-- long as a window that is used up).
-- @defines note_pause end_pause remember_cause react_to_failures close_after_probe probe_of

-- An account that is throttled for this long has used up a fixed window: then its average rate is kept to.
local WINDOW_MS = 5000
local MOST_PROBE_MS = 5000
local BREAK_POINTS, BREAK_SHARE = 10, 0.5
local ASTRAY_ROUNDS = 2    -- of all calls under way
local BREAK_PROBE_MS = 5000
local SHORT_PAUSE_MS = 2000

local function is_failing() return state.trouble >= BREAK_SHARE * (state.trouble + state.well) end

local function pause_for(ms)
  if ms == 0 then return end
  state.pause = math.max(state.pause or 0, now + ms)
  state.pause_since = state.pause_since or now
end

function note_pause()
  local share = state.throttled / math.max(1, state.throttled + state.ok)
  -- A short pause is only for the call that got it, unless most calls get one: then it is for all.
  if report.throttled == 0 or report.pause_ms > SHORT_PAUSE_MS or share >= 0.5 then
    pause_for(report.pause_ms)
  end
  -- A pause in a failure may concern only one of many servers behind the account.
  if is_failing() then pause_for(report.trouble_pause_ms or 0) end
end

function end_pause()
  if now >= (state.pause or 0) then state.pause_since = nil end
end

-- For the operator: the class and status of the upstream's last 429 or failure.
function remember_cause()
  if not state.mode and not state.pause_since then
    state.cause = nil
  elseif report.cause ~= '' then
    state.cause = report.cause
  end
end

-- A proxy or a wrong server answers at once, the endpoint takes its time. So some wrong answers in a row are
-- no proof while many calls are under way: the endpoint may still answer these.
local function is_another_server()
  return state.astray >= math.max(BREAK_POINTS, ASTRAY_ROUNDS * state.held)
end

function react_to_failures()
  state.astray = (report.ok > 0 and 0 or state.astray or 0) + (report.astray or 0)
  if report.trouble == 0 or state.mode == 'broken' then return end
  if is_another_server() or (state.trouble >= BREAK_POINTS and is_failing()) then
    -- The rate from before the failure is still a good estimate, but not all of it at once.
    state.before = math.max(state.before or 0, flow() / 2)
    trip('broken', BREAK_PROBE_MS, BREAK_PROBE_MS)
  end
end

function close_after_probe()
  if not report.probe_ok or not state.mode then return end
  if state.mode == 'throttled' and now - state.mode_since >= WINDOW_MS then
    state.ceiling = math.max(LEAST_RATE, state.sustained)
    -- A single long throttling may have another reason: only the second within this time shows a window.
    if now - (state.used_up_at or 0) < WINDOW_KEPT_MS then state.window_at = now end
    state.used_up_at = now
  end
  state.mode, state.reopens, state.step, state.mode_since = nil, nil, nil, nil
  state.trouble, state.well, state.throttled, state.ok, state.astray = 0, 0, 0, 0, 0
  state.since = state.ceiling and now
  -- What was served while the account was out of use says nothing for either side of a trial.
  state.compared_rate, state.trial_at = nil, nil
end

-- What is given out while the account is out of use: a permit for a probe, when that is due.
function probe_of(usable_at)
  if worker == '' or report.want == 0 or now < usable_at then return 0, 0, false end
  state.reopens = now + state.step
  if state.mode == 'throttled' then state.step = math.min(MOST_PROBE_MS, state.step * 1.5) end
  return 1, math.max(1, report.want_tokens), true
end
