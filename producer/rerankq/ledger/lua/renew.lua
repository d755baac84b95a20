-- Prolongs the leases of a worker.
-- ARGV: 1 length of the lease in ms, then for each job: id, token
-- Returns the ids that are no longer the worker's: cancelled, ended, or claimed by another.
local lease_ends = whole(now_ms() + tonumber(ARGV[1]))
local lost = {}
for at = 2, #ARGV, 2 do
  local id, token = ARGV[at], ARGV[at + 1]
  local job = held_job(id, token)
  if job then
    gather('ZADD ' .. lane_set(job.lane, 'running'), lease_ends, id)
  else
    lost[#lost + 1] = id
  end
end
carry_out()
return lost
