-- Cancels jobs in any state. A worker that runs one learns of it at its next renewal, and its result is
-- refused.
-- @argument keep_result_ms number: how long a result is kept
-- @argument keep_dead_ms number: how long a dead letter is kept
-- @arguments ids text: the jobs
-- @answer rows: for each job the state before, or '' when the id is unknown or its record damaged; and the
-- batches that this has ended, as `batches/ended` says. A job that had ended stays as it was.
-- @include clock
-- @include ends
-- @constants CANCELLED
local now, keep, before = now_ms(), {keep_result_ms, keep_dead_ms}, {}
read_records(ids)
for at, id in ipairs(ids) do
  local job = known_of(id)
  before[at] = job and job.state or ''
  if is_open(before[at]) then end_by_ledger(id, job, 'cancelled', '', CANCELLED, now, keep) end
end
carry_out()
return {before, ended_batches}
