-- Whether the upstream limits the rate or the calls in flight. A 429 does not say which, and at a steady
-- latency either explains it. So both are tried, one after the other, and the one that served more is kept.
-- Defines ends_trial(failed), which returns nil as long as the present one stays, and else the calls a second
-- that the other one served in its trial, 0 before its first.
-- Fields of the record: trial_at (from when on answers count), trial_ok (answers since then), compared_rate
-- (calls a second that the other one served, while this one is on trial).
-- @defines count_trial ends_trial

local TRIAL_MS, SETTLING_MS = 7000, 2000  -- how long a trial is, and the time before it to settle
local UNTRIED_MS = 300000                 -- until the one that was kept is tried again
local BETTER = 1.03        -- calls in flight must serve so much more to be kept: the rate is the finer control

local function begin_trial(after) state.trial_at, state.trial_ok = now + after, 0 end

function count_trial()
  if state.trial_at and now >= state.trial_at then state.trial_ok = state.trial_ok + report.ok end
end

-- `failed`: so many calls are throttled that the trial need not go on.
function ends_trial(failed)
  local compared_rate = state.compared_rate
  if not state.trial_at then
    begin_trial(SETTLING_MS)
  elseif failed and not compared_rate then
    -- Most likely the upstream's limit has changed, and its first moments are no measure: begin again, and
    -- keep the present one.
    begin_trial(math.max(SETTLING_MS, state.trial_at - now))
  end
  local seconds = (now - state.trial_at) / 1000
  if seconds < TRIAL_MS / 1000 and not (failed and compared_rate) then return nil end
  local served = failed and 0 or state.trial_ok / seconds
  begin_trial(compared_rate and not failed and UNTRIED_MS or SETTLING_MS)
  state.compared_rate = not compared_rate and served or nil
  if not compared_rate then return 0 end
  return (state.slots_found and compared_rate * BETTER or compared_rate / BETTER) > served and compared_rate or nil
end
