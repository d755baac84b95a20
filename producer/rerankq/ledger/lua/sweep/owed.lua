-- Hints of tenants' jobs that were used up while their jobs still wait: those that nobody could use because
-- tenants ran as many jobs as they may, and those that were lost. Any hint of the lane serves any of these jobs, so
-- as many as are missing are announced again, by the names of the first jobs that may run.
-- Of a lane's hash `shared`: owed (how many are missing), shared_idle_at (since when the Celery queues are empty
-- though jobs are queued).
-- @defines announce_owed
-- @include places
-- @include tenants/places
-- @include tenants/index
-- @keys tenant tenant_queue tenant_running turns lane_shared lane_set

local MOST_TENANTS = 1000

-- The tenants with queued jobs in a lane, and how many each has.
local function queues_of(lane)
  local queues = {}
  for _, name in ipairs(redis.call('ZRANGE', turns_key(lane), 0, MOST_TENANTS - 1)) do
    local size = redis.call('ZCARD', tenant_queue_key(lane, name))
    if size > 0 then queues[#queues + 1] = {name, size} end
  end
  return queues
end

-- How many hints are missing, how many were noted as such before, and whether all are: the Celery queues have
-- been empty for `grace` ms though jobs are queued.
local function owed_hints(key, waiting, total, now, grace)
  local owed, idle_at = unpack(redis.call('HMGET', key, 'owed', 'shared_idle_at'))
  local before, is_idle = number(owed), false
  if waiting > 0 or total == 0 then
    if idle_at then redis.call('HDEL', key, 'shared_idle_at') end
  elseif not idle_at or number(idle_at) > now then
    redis.call('HSET', key, 'shared_idle_at', whole(now))
  elseif now - number(idle_at) >= grace then
    redis.call('HDEL', key, 'shared_idle_at')
    owed, is_idle = total, true
  end
  return math.min(math.max(number(owed), 0), total), before, is_idle
end

-- How many more jobs of the tenant may run. Before it is kept waiting, entries that are wrong are taken out.
local function room_of(name)
  local limit = number(redis.pcall('HGET', tenant_key(name), 'in_flight'))
  local room = in_flight_room(name, limit)
  return room > 0 and room or room + tidy(tenant_running_key(name))
end

-- Adds to `announce` the names of the jobs to announce, so that it has at most `most`. Returns whether jobs are
-- missing in the tenants' queues: somebody deleted these keys.
function announce_owed(lane, waiting, now, grace, most, announce)
  local key = lane_shared_key(lane)
  local total = redis.call('ZCOUNT', lane_set_key(lane, 'queued'), whole(SHARED), whole(REDELIVERED - 1))
  local owed, before, is_idle = owed_hints(key, waiting, total, now, grace)
  local queues, found = owed > 0 and queues_of(lane) or {}, 0
  for _, each in ipairs(queues) do
    local name, size = unpack(each)
    found = found + size
    local room = owed > 0 and #announce < most and room_of(name) or 0
    local count = math.min(room, size, owed, most - #announce)
    if count > 0 then
      for _, id in ipairs(redis.call('ZRANGE', tenant_queue_key(lane, name), 0, count - 1)) do
        announce[#announce + 1] = id
      end
      owed = owed - count
    end
  end
  if owed ~= before then redis.call('HSET', key, 'owed', whole(owed)) end
  return is_idle and found < total
end
