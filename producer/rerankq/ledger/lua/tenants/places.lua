-- The places of tenants' jobs among the queued jobs of a lane: an order of their own.
-- @defines SHARED next_shared_place in_flight_room
-- @keys lane_shared tenant_running

-- Tenants' jobs have places from here on, below those of jobs that are announced again. With shares, a later job
-- is often claimed earlier, which does not mean that a hint is lost: the watermark is not for these places.
SHARED = 2 ^ 51

-- The first of the next `count` places.
function next_shared_place(lane, count)
  return SHARED + redis.call('HINCRBY', lane_shared_key(lane), 'sequence', count) - count + 1
end

-- How many more jobs of a tenant may run at the same time; `limit`: 0 for no limit.
function in_flight_room(tenant, limit)
  if limit <= 0 then return math.huge end
  return limit - redis.call('ZCARD', tenant_running_key(tenant))
end
