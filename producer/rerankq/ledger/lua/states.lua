-- The states of jobs. A job's state, the set in which it is, and the counts of its batch and its tenant change
-- together, here and nowhere else.
-- @defines place_of move
-- @include records
-- @include tenants/index
-- @keys lane_set batch_held

-- The place of a job is its state; but a job that a pause holds back counts as scheduled and has a place of its
-- own, `held`.
function place_of(job) return job.held == true and job.state == 'scheduled' and 'held' or job.state end

local function set_of(job, place)
  if place == 'held' then return batch_held_key(text(job.batch) or '') end
  return lane_set_key(job.lane, place)
end

-- The same as `move`, where a pause holds the job back, or did.
local function move_held(id, job, to, score)
  local from = place_of(job)
  count_held(job.lane, (to == 'held' and 1 or 0) - (from == 'held' and 1 or 0))
  job.state, job.held = to == 'held' and 'scheduled' or to, to == 'held' or nil
  if is_open(job.state) then write_record(id) end
  if from ~= to then gather('ZREM ' .. set_of(job, from), id) end
  if score then gather('ZADD ' .. set_of(job, to), score, id) end
  if job.batch then count_move(job.batch, from, to) end
  if job.tenant then tenant_moved(id, job, from, to, score) end
end

-- Moves a job to a place: takes it out of the set in which it is, puts it into that of the place by `score`,
-- and writes its record. At an end there is no set, and the caller writes the record. Without a score the
-- caller puts it into the set. All is gathered; the record goes first, because a script that cannot write it,
-- as memory is full, must not have done anything else.
function move(id, job, to, score)
  if job.held ~= nil or to == 'held' then return move_held(id, job, to, score) end
  local from = job.state
  job.state = to
  if is_open(to) then write_record(id) end
  if from and from ~= to then gather('ZREM ' .. lane_set_key(job.lane, from), id) end
  if score then gather('ZADD ' .. lane_set_key(job.lane, to), score, id) end
  if job.batch then count_move(job.batch, from, to) end
  if job.tenant then tenant_moved(id, job, from, to, score) end
end
