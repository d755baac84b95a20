-- Whether what fails at this worker is its own: others are answered, and it is not.
-- Defines alone (whether others are answered in the time in which this worker is not), doubted (whether
-- what fails there is not held against the upstream, or would not be) and note_reach(), which leaves
-- failures that are this worker's own out of what is counted as trouble; and cut_off_workers (those that
-- are not answered while others are, by name).
-- Of the record: well_by and well_at (the worker that was answered last, and when), other_at (when
-- another one was), other_by, lost_by and lost_at (the workers that were not answered since anybody was,
-- each between spaces, and when the first said so), withheld (their points of failure, until they are
-- confirmed), cut_off (JSON: the workers that are not answered while others are; when, and why).
-- @keys last_heard

local alone, doubted, cut_off_workers, note_reach = false, false, {}, nil

-- In a block, as Lua bounds the names of a script.
do
local WELL_MS = 10000      -- an answer is so long a sign that the upstream can be reached, or longer:
local LONE_MS = 3000       -- so long the word of a few does not count against those that are at work, or
local TOOK_TIMES, MOST_TOOK_MS = 2, 30000  -- for so many times the longest that an answer took lately.
local UNKNOWN_MS = 12000   -- Where that is not known, while others wait for theirs.
local MOST_WORDS = 8
local ALIVE_MS = 5000
local CUT_OFF_MS = 6000    -- a worker that is cut off comes more often
local VAIN_JOBS = 3        -- of so many that failed in a row, with none answered, the worker is suspected

local function forget_answers_of(name)
  if state.well_by == name then
    state.well_by, state.well_at = state.other_by, state.other_at
    state.other_by, state.other_at = nil, nil
  elseif state.other_by == name then
    state.other_by, state.other_at = nil, nil
  end
end

-- Workers that live, whether or not they have asked for this account yet: each sweeps twice a second.
local function is_anybody_else_there()
  local heard = tonumber(redis.pcall('ZCOUNT', last_heard_key, now - ALIVE_MS, '+inf')) or 0
  return active > 1 or heard > 1
end

local function took_ms() return TOOK_TIMES * math.min(MOST_TOOK_MS, state.took or 0) end

-- For how long no other worker has been answered, in ms; nil for too long.
local function others_answered_before()
  local at = state.well_at
  if state.well_by == worker then at = state.other_at end
  return at and now - at < math.max(WELL_MS, took_ms()) and now - at or nil
end

-- How long the word of a few is not believed: those that have calls under way may yet be answered.
local function lone_ms()
  if state.held <= tonumber(redis.call('HGET', slots_key, worker) or 0) then return LONE_MS end
  local took = took_ms()
  return math.max(LONE_MS, took > 0 and took or UNKNOWN_MS)
end

local function words()
  local _, count = string.gsub(state.lost_by or '', '%S+', '')
  return count
end

local function has_given_its_word()
  return state.lost_by ~= nil and string.find(state.lost_by, ' ' .. worker .. ' ', 1, true) ~= nil
end

local function words_of_most() return math.max(2, math.min(MOST_WORDS, math.floor(active / 2) + 1)) end

-- Of others than this worker.
local function is_lost_elsewhere() return words() > (has_given_its_word() and 1 or 0) end

local function give_word()
  state.lost_at = state.lost_at or now
  if not has_given_its_word() and words() < MOST_WORDS then
    state.lost_by = (state.lost_by or ' ') .. worker .. ' '
  end
end

-- Whether no more than half of the workers say so, this one among them, and not for long: until then
-- the others may yet be answered.
local function is_word_of_few()
  if not is_anybody_else_there() then return false end
  if state.lost_at and now - state.lost_at >= lone_ms() then return false end
  return words() + (has_given_its_word() and 0 or 1) < words_of_most()
end

local function note_answer()
  if state.well_by ~= worker then
    state.other_by, state.other_at = state.well_by, state.well_at
    state.well_by = worker
  end
  state.well_at = now
  -- The word of a few has closed the account, and whoever did not give it is answered: it was theirs.
  local of_few = words() > 0 and words() < words_of_most() and not has_given_its_word()
  if of_few and report.ok > 0 and state.mode == 'broken' then report.probe_ok = true end
  state.lost_by, state.lost_at, state.withheld = nil, nil, nil
end

local function note_cut_off()
  if report.cut_off == '' and not state.cut_off then return end
  local sound, named = pcall(cjson.decode, state.cut_off or '{}')
  if not sound or type(named) ~= 'table' then named = {} end
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

-- Whether other workers could serve the jobs that this one leaves: they use the account, or wait for
-- jobs of its lane. One that waits for those of the other lane is no evidence that anybody is served.
local function could_others_serve()
  if others > 0 then return true end
  local lane, count = report.lane .. '.', 0
  local heard = redis.pcall('ZRANGEBYSCORE', last_heard_key, whole(now - ALIVE_MS), '+inf')
  for _, name in ipairs(heard) do
    if string.sub(name, 1, #lane) == lane then count = count + 1 end
  end
  return count > 1
end

-- Who is cut off stays so in a quiet hour as well, until others fail too or are gone.
local function is_still_alone(before)
  if state.mode == 'broken' or not could_others_serve() then return false end
  return before ~= nil or not is_lost_elsewhere()
end

local function note_failures(before)
  local points = report.trouble + report.unreached
  if points == 0 then return end
  local of_few = is_word_of_few()
  give_word()
  if before or alone then
    leave_out_trouble()
  elseif of_few then
    state.withheld = (state.withheld or 0) + points
    leave_out_trouble()
  else
    report.trouble = points + (state.withheld or 0)
    -- Most say so, or it has held: from now on each word counts.
    state.lost_at, state.withheld = now - MOST_TOOK_MS * TOOK_TIMES, nil
  end
end

note_reach = function()
  note_cut_off()
  if worker == '' then return end
  if report.ok + report.throttled > 0 then return note_answer() end
  local vain = report.vain or 0
  local suspected = report.unreached > 0 or vain >= VAIN_JOBS or report.cut_off ~= ''
  -- Its own answers are no sign any more that the upstream is well.
  if suspected then forget_answers_of(worker) end
  local before = others_answered_before()
  if report.cut_off ~= '' then
    alone = is_still_alone(before)
  elseif suspected and before then
    alone = report.unreached > 0 or before <= (report.vain_ms or 0) / 2
  end
  doubted = alone or before ~= nil or is_word_of_few()
  if suspected then note_failures(before) end
end

end
