-- What the calls of a job have used of the budgets that something is reserved in for it.
-- Of a job's record: hold_batch and hold_tenant (what is reserved), used (tokens of its calls so far).
-- @defines spend spend_doubted
-- @include values

-- In the order of `ledger.usage.Usage`: tokens reported, counted, estimated, and those that may have been paid for.
local FIRST, LAST = 6, 9

-- Notes what a call has used; `values` as `usage` has them.
function spend(job, values)
  if not (job.hold_batch or job.hold_tenant) then return end
  for at = FIRST, LAST do job.used = number(job.used) + number(values[at]) end
end

-- Notes a call that nobody can tell of any more: it may have been paid for, as it was estimated.
function spend_doubted(job)
  if (job.hold_batch or job.hold_tenant) and job.unsure then job.used = number(job.used) + number(job.cost) end
end
