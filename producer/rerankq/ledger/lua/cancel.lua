-- Cancels jobs, wherever they are. A worker that runs one learns it at its next renewal,
-- and its result is refused.
-- ARGV: 1 ms to keep a result, 2 ms to keep a dead letter, then job ids
-- Returns, for each job: the state before, or '' when the id is unknown, or its record
-- damaged. A job that had ended stays as it was.
-- @include clock
-- @include ends
local now, keep = now_ms(), retention(1)
local ids, before = {unpack(ARGV, 3)}, {}
read_records(ids)
for at, id in ipairs(ids) do
  local job = known_of(id)
  before[at] = job and job.state or ''
  if is_open(before[at]) then decree_end(id, job, 'cancelled', '', CANCELLED, now, keep) end
end
carry_out()
return before
