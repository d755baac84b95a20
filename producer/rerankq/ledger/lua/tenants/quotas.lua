-- Whether a tenant may submit a job, by its quotas.
-- @defines quota_refusal charge note_charges
-- Of a tenant's hash: disabled, requests and tokens (a minute), queued, jobs_a_day. Of what it has used:
-- req_at and tok_at (see `spent_until`), day (since the epoch, UTC) and day_jobs (accepted in it).
-- @include clock
-- @include tenants/index
-- @keys tenant tenant_use tenant_queue tenant_running tenant_waiting

local MINUTE_MS, DAY_MS = 60 * 1000, 24 * 3600 * 1000
local quota_time, tenants = nil, {}

local function tenant_named(name)
  if tenants[name] then return tenants[name] end
  -- A key of another type limits nothing: then the answer is an error, without elements.
  local limits = redis.pcall('HMGET', tenant_key(name), 'disabled', 'requests', 'tokens', 'queued',
    'jobs_a_day')
  local use = redis.pcall('HMGET', tenant_use_key(name), 'req_at', 'tok_at', 'day', 'day_jobs')
  quota_time = quota_time or now_ms()
  local today = math.floor(quota_time / DAY_MS)
  local found = {disabled = limits[1] == '1', requests = number(limits[2]), tokens = number(limits[3]),
    queued = number(limits[4]), day_limit = number(limits[5]), today = today,
    req_at = number(use[1]), tok_at = number(use[2]),
    day_jobs = number(use[3]) == today and number(use[4]) or 0}
  tenants[name] = found
  return found
end

-- A minute's budget fills up evenly (GCRA, the generic cell rate algorithm). `spent_until` is when it will be
-- full again, in ms; in the past it is full. Returns that time after `cost` more, and how long they have to
-- wait. What costs more than a whole minute may go when the budget is full: the next ones wait the longer.
local function spent(spent_until, cost, limit)
  local begins = math.max(spent_until, quota_time)
  local ends = begins + cost * MINUTE_MS / limit
  -- A time further off than any budget reaches was noted before the clock was set back.
  local wait = math.min(begins - quota_time, ends - MINUTE_MS - quota_time)
  return ends, math.max(0, wait)
end

local function refused(quota, wait) return 'quota:' .. quota .. ':' .. (wait and whole(math.ceil(wait)) or '') end

local function is_deep(name, tenant)
  if not tenant.depth then tenant.depth = tenant_depth(name) end
  if tenant.depth < tenant.queued then return false end
  if not tenant.tidied then
    tenant.tidied = true
    for _, key in ipairs({tenant_running_key(name), tenant_waiting_key(name),
        tenant_queue_key('bulk', name), tenant_queue_key('interactive', name)}) do
      tenant.depth = tenant.depth - tidy(key)
    end
  end
  return tenant.depth >= tenant.queued
end

-- Why a job's tenant may not submit it now; nil when it may: 'quota:<which>:<ms to wait, if known>'.
function quota_refusal(job)
  local tenant = tenant_named(job.tenant)
  if tenant.disabled then return refused('disabled') end
  if tenant.day_limit > 0 and tenant.day_jobs >= tenant.day_limit then
    return refused('day', (tenant.today + 1) * DAY_MS - quota_time)
  end
  if tenant.queued > 0 and is_deep(job.tenant, tenant) then return refused('queued') end
  -- A bulk upload of thousands of jobs is bounded by the quotas above, not by those of a minute.
  if job.lane ~= 'interactive' then return nil end
  if tenant.requests > 0 then
    local _, wait = spent(tenant.req_at, 1, tenant.requests)
    if wait > 0 then return refused('requests', wait) end
  end
  if tenant.tokens > 0 then
    local _, wait = spent(tenant.tok_at, number(job.cost), tenant.tokens)
    if wait > 0 then return refused('tokens', wait) end
  end
  return nil
end

-- Counts a job that is accepted.
function charge(job)
  local tenant = tenant_named(job.tenant)
  tenant.day_jobs = tenant.day_jobs + 1
  if tenant.depth then tenant.depth = tenant.depth + 1 end
  if job.lane == 'interactive' then
    if tenant.requests > 0 then tenant.req_at = spent(tenant.req_at, 1, tenant.requests) end
    if tenant.tokens > 0 then tenant.tok_at = spent(tenant.tok_at, number(job.cost), tenant.tokens) end
  end
  tenant.is_charged = true
end

-- Writes what was counted. pcall: the jobs are recorded by now, and a damaged key must not undo that.
function note_charges()
  for name, tenant in pairs(tenants) do
    if tenant.is_charged then
      redis.pcall('HSET', tenant_use_key(name), 'req_at', string.format('%.3f', tenant.req_at), 'tok_at',
        string.format('%.3f', tenant.tok_at), 'day', whole(tenant.today), 'day_jobs', whole(tenant.day_jobs))
    end
  end
end
