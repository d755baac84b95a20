-- At a job's end: what was reserved in budgets for it is free again, and what its calls have used is spent.
-- @defines settle_budget
-- @include budgets/spending
-- @include values
-- @keys batch tenant_use

local function settle(key, hold, job)
  if not hold or redis.call('EXISTS', key) == 0 then return end
  -- pcall: a damaged key must not keep a job from ending.
  local left = redis.pcall('HINCRBY', key, 'reserved', whole(-hold))
  -- It was forgotten since the job was reserved, by `tenant remove`, and began anew.
  if type(left) == 'number' and left < 0 then redis.pcall('HSET', key, 'reserved', '0') end
  -- Money at the rate at which the job's tokens were reserved.
  local cost = number(job.cost)
  local spent = cost > 0 and math.ceil(number(job.used) * hold / cost) or 0
  if spent > 0 then redis.pcall('HINCRBY', key, 'spent', whole(spent)) end
end

-- Settles once: what is reserved for a job is in its record, and leaves it here.
function settle_budget(job)
  if not (job.hold_batch or job.hold_tenant) then return end
  spend_doubted(job)
  if text(job.batch) then settle(batch_key(job.batch), tonumber(job.hold_batch), job) end
  if text(job.tenant) then settle(tenant_use_key(job.tenant), tonumber(job.hold_tenant), job) end
  job.hold_batch, job.hold_tenant, job.used = nil, nil, nil
end
