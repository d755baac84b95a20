-- Budgets of batches and tenants: what their jobs may cost together, in tokens or in billionths of a currency.
-- Of a batch's hash: budget, budget_rates (for money: billionths a token by model, '' for the default one), reserved
-- (for jobs that have not ended), spent, and over_budget (1 when a job was refused last). A tenant has the first two
-- in its hash, and the others in that of its use.
-- @defines budget_refusal reserve_budget note_reservations
-- @include values
-- @keys batch tenant tenant_use

local budgets = {}

-- A budget as this script has met it; false where there is none. pcall: a key may be of another type.
local function budget_in(limits_key, use_key)
  if budgets[limits_key] ~= nil then return budgets[limits_key] end
  local limits, found = redis.pcall('HMGET', limits_key, 'budget', 'budget_rates'), false
  local limit = tonumber(limits[1])
  if limit then
    local use = redis.pcall('HMGET', use_key, 'reserved', 'spent', 'over_budget')
    found = {key = use_key, limit = limit, rates = limits[2] and cjson.decode(limits[2]), added = 0,
      taken = math.max(0, number(use[1])) + math.max(0, number(use[2])), was_over = use[3] == '1', is_over = false}
  end
  budgets[limits_key] = found
  return found
end

local function of_batch(job)
  return text(job.batch) and budget_in(batch_key(job.batch), batch_key(job.batch))
end

local function of_tenant(job)
  return text(job.tenant) and budget_in(tenant_key(job.tenant), tenant_use_key(job.tenant))
end

-- What a job takes of a budget, by the estimate of its tokens; nil when its model has no price.
local function amount(budget, job)
  if not budget.rates then return number(job.cost) end
  local rate = tonumber(budget.rates[job.model or ''])
  return rate and math.ceil(number(job.cost) * rate)
end

local function refused_by(budget, job, name)
  if not budget then return nil end
  -- The client then tells it, and goes on; one of an earlier version cannot.
  if not job.cost then return 'quota:uncosted:' end
  local wanted = amount(budget, job)
  if not wanted then return 'quota:unpriced:' end
  budget.is_over = budget.taken >= budget.limit or budget.taken + wanted > budget.limit
  return budget.is_over and 'quota:' .. name .. ':' or nil
end

-- Why a job's budgets do not let it in: 'quota:<which>:'; nil when they do.
function budget_refusal(job)
  return refused_by(of_batch(job), job, 'batch_budget') or refused_by(of_tenant(job), job, 'budget')
end

local function reserve(budget, job)
  if not budget then return nil end
  local wanted = amount(budget, job)
  budget.taken, budget.added = budget.taken + wanted, budget.added + wanted
  return wanted
end

-- Reserves what an accepted job is estimated to cost.
function reserve_budget(job)
  job.hold_batch, job.hold_tenant = reserve(of_batch(job), job), reserve(of_tenant(job), job)
end

-- Writes what was reserved. pcall: the jobs are recorded by now, and a damaged key must not undo that.
function note_reservations()
  for _, budget in pairs(budgets) do
    if budget and budget.added > 0 then redis.pcall('HINCRBY', budget.key, 'reserved', whole(budget.added)) end
    if budget and budget.is_over ~= budget.was_over then
      redis.pcall('HSET', budget.key, 'over_budget', budget.is_over and '1' or '0')
    end
  end
end
