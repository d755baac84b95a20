-- What a tenant has: its queued jobs in each lane, by their place; and the jobs that run, and those that wait
-- for something else, by when that began. A quota is a size of these sets: a count could drift from the truth.
-- @defines tenant_moved tenant_depth tidy
-- @include clock
-- @include records
-- @keys job tenant_queue tenant_running tenant_waiting turns

local BEFORE_ALL = 2 ^ 53
local MOST_TIDIED = 20

-- The set of a tenant's jobs that are at a place; nil for an end.
local function tenant_set(job, place)
  if place == 'queued' then return tenant_queue_key(job.lane, job.tenant) end
  if place == 'running' then return tenant_running_key(job.tenant) end
  return (is_open(place) or place == 'held') and tenant_waiting_key(job.tenant) or nil
end

-- A job that was in another place before has waited the longest: it comes before all others of its tenant.
local function place_in_queue(from, score)
  local place = number(score)
  return whole(from and place - BEFORE_ALL or place)
end

local moved_at
local in_turns = {}

-- Lets a tenant take part in the shares of a lane. Its turn is given when it is first met.
local function take_part(lane, tenant)
  local name = lane .. ':' .. tenant
  if not in_turns[name] then gather('ZADD ' .. turns_key(lane), 0, tenant) end
  in_turns[name] = true
end

-- A job of a tenant has moved: from the place `from`, nil for a new one, to the place `to`, by `score` if the
-- move gave it one. Only for jobs that have a tenant.
function tenant_moved(id, job, from, to, score)
  if not text(job.tenant) then return end
  local left, entered = from and tenant_set(job, from), tenant_set(job, to)
  if left and left ~= entered then gather('ZREM ' .. left, id) end
  if to == 'queued' then
    gather('ZADD ' .. entered, place_in_queue(from, score), id)
    take_part(job.lane, job.tenant)
  elseif entered and left ~= entered then
    moved_at = moved_at or whole(now_ms())
    gather('ZADD ' .. entered, moved_at, id)
  end
end

-- How many jobs of a tenant have not ended.
function tenant_depth(tenant)
  return redis.call('ZCARD', tenant_queue_key('bulk', tenant))
    + redis.call('ZCARD', tenant_queue_key('interactive', tenant))
    + redis.call('ZCARD', tenant_waiting_key(tenant))
    + redis.call('ZCARD', tenant_running_key(tenant))
end

-- Takes those of the first jobs of such a set out of it that are not there any more: their records were
-- deleted from outside, or a worker of an earlier version moved them. Called before a quota refuses a job, so
-- that no tenant is refused for jobs that do not exist. Returns how many they were.
function tidy(key)
  local gone = {}
  local ids = redis.call('ZRANGE', key, 0, MOST_TIDIED - 1)
  for _, id in ipairs(ids) do
    local job = decoded(redis.call('GET', job_key(id)))
    if not job or not text(job.tenant) or tenant_set(job, job.state) ~= key then gone[#gone + 1] = id end
  end
  if #gone > 0 then redis.call('ZREM', key, unpack(gone)) end
  return #gone
end
