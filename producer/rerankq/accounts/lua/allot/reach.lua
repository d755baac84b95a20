-- Whether the failures of this worker are its own: other workers get answers, and it gets none.
-- Defines alone (whether that is so), doubted (whether its failures are not held against the upstream, for
-- now) and note_reach(), which leaves failures that are this worker's own out of what is counted as
-- trouble; and cut_off_workers (those that get no answers while others do, by name).
-- Fields of the record: well_by and well_at (the worker that got the last answer, and when), other_by and
-- other_at (the same of another worker), lost_by and lost_at (the workers that report no answers since the
-- last answer of any worker, each between spaces, and when the first reported it), withheld (their points
-- of failure, until they are confirmed), cut_off (JSON: the workers that get no answers while others do;
-- when they reported it, and why).
-- Below, a worker "complains" when it reports that it gets no answers.
-- @defines alone doubted cut_off_workers note_reach
-- @keys last_heard

alone, doubted, cut_off_workers = false, false, {}

-- Both times are lengthened to TOOK_TIMES the longest that an answer took lately.
local WELL_MS = 10000      -- for so long an answer shows that the upstream can be reached
local LONE_MS = 3000       -- for so long the complaints of a few workers do not count against the upstream
local TOOK_TIMES, MOST_TOOK_MS = 2, 30000
local UNKNOWN_MS = 12000   -- LONE_MS while other workers wait for answers, and how long these take is not known
local MOST_COMPLAINTS = 8
local ALIVE_MS = 5000
local CUT_OFF_MS = 6000    -- how long a report of it counts; a worker that is cut off reports more often
local UNANSWERED_JOBS = 3  -- a worker is suspected when so many jobs in a row got no answer there

local function forget_answers_of(name)
  if state.well_by == name then
    state.well_by, state.well_at = state.other_by, state.other_at
    state.other_by, state.other_at = nil, nil
  elseif state.other_by == name then
    state.other_by, state.other_at = nil, nil
  end
end

-- Whether other workers are alive, also ones that do not use this account: each sweeps twice a second.
local function is_anybody_else_there()
  local heard = tonumber(redis.pcall('ZCOUNT', last_heard_key, now - ALIVE_MS, '+inf')) or 0
  return active > 1 or heard > 1
end

local function took_ms() return TOOK_TIMES * math.min(MOST_TOOK_MS, state.took or 0) end

-- How many ms ago another worker last got an answer; nil when that is too long ago to count.
local function others_answered_before()
  local at = state.well_at
  if state.well_by == worker then at = state.other_at end
  return at and now - at < math.max(WELL_MS, took_ms()) and now - at or nil
end

-- How long the complaints of a few workers do not count: calls of the others may still be answered.
local function lone_ms()
  if state.held <= tonumber(redis.call('HGET', slots_key, worker) or 0) then return LONE_MS end
  local took = took_ms()
  return math.max(LONE_MS, took > 0 and took or UNKNOWN_MS)
end

local function complaints()
  local _, count = string.gsub(state.lost_by or '', '%S+', '')
  return count
end

local function has_complained()
  return state.lost_by ~= nil and string.find(state.lost_by, ' ' .. worker .. ' ', 1, true) ~= nil
end

local function complaints_of_most()
  return math.max(2, math.min(MOST_COMPLAINTS, math.floor(active / 2) + 1))
end

local function has_another_complained() return complaints() > (has_complained() and 1 or 0) end

local function complain()
  state.lost_at = state.lost_at or now
  if not has_complained() and complaints() < MOST_COMPLAINTS then
    state.lost_by = (state.lost_by or ' ') .. worker .. ' '
  end
end

-- Whether no more than half of the workers, counting this one, have complained, and not for long: then the
-- others may still get answers.
local function is_complaint_of_few()
  if not is_anybody_else_there() then return false end
  if state.lost_at and now - state.lost_at >= lone_ms() then return false end
  return complaints() + (has_complained() and 0 or 1) < complaints_of_most()
end

local function note_answer()
  if state.well_by ~= worker then
    state.other_by, state.other_at = state.well_by, state.well_at
    state.well_by = worker
  end
  state.well_at = now
  -- Complaints of a few workers opened the account's breaker, and a worker that did not complain gets an
  -- answer: so the failures were those workers' own, and the account is usable.
  local of_few = complaints() > 0 and complaints() < complaints_of_most() and not has_complained()
  if of_few and report.ok > 0 and state.mode == 'broken' then report.probe_ok = true end
  state.lost_by, state.lost_at, state.withheld = nil, nil, nil
end

local function note_cut_off()
  if report.cut_off == '' and not state.cut_off then return end
  local ok, named = pcall(cjson.decode, state.cut_off or '{}')
  if not ok or type(named) ~= 'table' then named = {} end
  for name, each in pairs(named) do
    if type(each) ~= 'table' or now - number(each.at) > CUT_OFF_MS then named[name] = nil end
  end
  if worker ~= '' then
    named[worker] = report.cut_off ~= '' and {at = now, cause = report.cut_off} or nil
  end
  state.cut_off, cut_off_workers = next(named) and cjson.encode(named) or nil, named
end

local function leave_out_trouble()
  report.left_out = report.trouble
  report.trouble, report.trouble_pause_ms, report.astray = 0, 0, 0
end

-- Whether other workers could serve the jobs that this one leaves: they use the account, or wait for jobs of
-- its lane. A worker of the other lane cannot serve them.
local function could_others_serve()
  if others > 0 then return true end
  local lane, count = report.lane .. '.', 0
  local heard = redis.pcall('ZRANGEBYSCORE', last_heard_key, whole(now - ALIVE_MS), '+inf')
  for _, name in ipairs(heard) do
    if string.sub(name, 1, #lane) == lane then count = count + 1 end
  end
  return count > 1
end

-- A worker that is cut off stays so also when no other worker makes calls, until others fail too or are gone.
local function is_still_cut_off(before)
  if state.mode == 'broken' or not could_others_serve() then return false end
  return before ~= nil or not has_another_complained()
end

local function note_failures(before)
  local points = report.trouble + report.unreached
  if points == 0 then return end
  local of_few = is_complaint_of_few()
  complain()
  if before or alone then
    leave_out_trouble()
  elseif of_few then
    state.withheld = (state.withheld or 0) + points
    leave_out_trouble()
  else
    report.trouble = points + (state.withheld or 0)
    -- Most workers have complained, or for long enough: from now on each complaint counts at once.
    state.lost_at, state.withheld = now - MOST_TOOK_MS * TOOK_TIMES, nil
  end
end

function note_reach()
  note_cut_off()
  if worker == '' then return end
  if report.ok + report.throttled > 0 then return note_answer() end
  local unanswered = report.vain or 0
  local suspected = report.unreached > 0 or unanswered >= UNANSWERED_JOBS or report.cut_off ~= ''
  -- Its own earlier answers do not show any more that the upstream can be reached.
  if suspected then forget_answers_of(worker) end
  local before = others_answered_before()
  if report.cut_off ~= '' then
    alone = is_still_cut_off(before)
  elseif suspected and before then
    alone = report.unreached > 0 or before <= (report.vain_ms or 0) / 2
  end
  doubted = alone or before ~= nil or is_complaint_of_few()
  if suspected then note_failures(before) end
end
