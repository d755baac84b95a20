-- Whether it is this worker alone that cannot reach the upstream.
-- Defines alone (whether others reach it, that could not be reached from here) and note_reach(), which
-- counts connections that could not be made as trouble, unless they are this worker's own; and
-- cut_off_workers (those that cannot connect while others can, by name).
-- Of the record: well_by and well_at (the worker that was answered last, and when), other_at (when
-- another one was), other_by, lost_by and lost_at (the first that could not connect, since nobody has
-- been answered), cut_off (JSON: the workers that cannot connect while others can; when, and why).

local alone, cut_off_workers, note_reach = false, {}, nil

-- In a block, as Lua bounds the names of a script.
do
local WELL_MS = 10000      -- an answer is so long a sign that the upstream can be reached
local LONE_MS = 3000       -- so long one worker's word does not count against those that are at work
local ALIVE_MS = 5000
local CUT_OFF_MS = 6000    -- a worker that is cut off comes more often

local function forget_answers_of(name)
  if state.well_by == name then
    state.well_by, state.well_at = state.other_by, state.other_at
    state.other_by, state.other_at = nil, nil
  elseif state.other_by == name then
    state.other_by, state.other_at = nil, nil
  end
end

local function note_answer()
  if state.well_by ~= worker then
    state.other_by, state.other_at = state.well_by, state.well_at
    state.well_by = worker
  end
  state.well_at = now
  state.lost_by, state.lost_at = nil, nil
end

local function others_reach_it()
  local at = state.well_at
  if state.well_by == worker then at = state.other_at end
  return at and now - at < WELL_MS
end

-- Workers that live, whether or not they have asked for this account yet: each sweeps twice a second.
local function is_anybody_else_there()
  local heard = tonumber(redis.pcall('ZCOUNT', WORKERS, now - ALIVE_MS, '+inf')) or 0
  return active > 1 or heard > 1
end

-- Whether nobody else has said so, and not for long, while there are others.
local function is_one_word()
  return is_anybody_else_there() and state.lost_by == worker and now - state.lost_at < LONE_MS
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

note_reach = function()
  note_cut_off()
  if worker == '' then return end
  if report.ok + report.throttled > 0 then return note_answer() end
  if report.unreached == 0 then return end
  forget_answers_of(worker)
  if not state.lost_by then state.lost_by, state.lost_at = worker, now end
  alone = others_reach_it() or false
  if not alone and not is_one_word() then report.trouble = report.trouble + report.unreached end
end

end
