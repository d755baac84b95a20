-- Prolongs the leases of a worker.
-- ARGV: 1 length of the lease in ms, 2 the leases, as a JSON list of [id, token]
-- Returns the ids that are no longer the worker's: cancelled, ended, or claimed by another.
local lease_ends = whole(now_ms() + tonumber(ARGV[1]))
local leases, ids, lost = cjson.decode(ARGV[2]), {}, {}
for at, lease in ipairs(leases) do ids[at] = lease[1] end
read_records(ids)
for _, lease in ipairs(leases) do
  local id, token = unpack(lease)
  local job = held_job(id, token)
  if job then
    gather('ZADD ' .. lane_set(job.lane, 'running'), lease_ends, id)
  else
    lost[#lost + 1] = id
  end
end
carry_out()
return lost
