-- The states of jobs. A job's state, the set in which it is, and the counts of its batch and its tenant change
-- together, here and nowhere else.
-- @defines place_of move
-- @include records
-- @include tenants/index
-- @keys lane_set

-- The place of a job is its state. Only a scheduled job may be in another one.
function place_of(job) return job.state end

-- Moves a job to a place: takes it out of the set in which it is, puts it into that of the place by `score`,
-- and writes its record. At an end there is no set, and the caller writes the record. Without a score the
-- caller puts it into the set. All is gathered; the record goes first, because a script that cannot write it,
-- as memory is full, must not have done anything else.
function move(id, job, to, score)
  local from = job.state
  job.state = to
  if is_open(to) then write_record(id) end
  if from and from ~= to then gather('ZREM ' .. lane_set_key(job.lane, from), id) end
  if score then gather('ZADD ' .. lane_set_key(job.lane, to), score, id) end
  if job.batch then count_move(job.batch, from, to) end
  if job.tenant then tenant_moved(id, job, from, to, score) end
end
