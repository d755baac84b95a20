-- Renews the leases of a worker, also those that ran out, if no other worker has claimed the job since.
-- Safe to repeat.
-- @argument worker text: name of the worker process
-- @argument lease_ms number: length of the lease
-- @argument leases json: a list of [id, token]
-- @answer texts: the ids that are no longer the worker's: cancelled, ended, or claimed by another.
-- @include clock
-- @include states
-- @include usage
-- @include workers/heard
-- @include workers/tokens
-- @keys lane_set
local now = now_ms()
local lease_ends = whole(now + lease_ms)
local ids, lost = {}, {}
hear(worker, now)

-- For a job whose lease had run out, and that no other worker has claimed since.
local function take_back(id, job)
  settle_call(job)
  job.lapsed = nil
  move(id, job, 'running')
end

for at, lease in ipairs(leases) do ids[at] = lease[1] end
read_records(ids)
for _, lease in ipairs(leases) do
  local id, token = unpack(lease)
  local job = held_job(id, token)
  if job then
    if job.state ~= 'running' then take_back(id, job) end
    gather('ZADD ' .. lane_set_key(job.lane, 'running'), lease_ends, id)
  else
    lost[#lost + 1] = id
  end
end
carry_out()
return lost
