-- Prolongs the leases of a worker.
-- ARGV: 1 length of the lease in ms, then for each job: id, token
-- Returns the ids that are no longer the worker's: cancelled, ended, or claimed by another.
local now = now_ms()
local lost = {}
for at = 2, #ARGV, 2 do
  local id, token = ARGV[at], ARGV[at + 1]
  local lane = held_lane(id, token)
  if lane then
    redis.call('ZADD', lane_set(lane, 'running'), now + tonumber(ARGV[1]), id)
  else
    lost[#lost + 1] = id
  end
end
return lost
