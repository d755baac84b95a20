-- Cancels jobs, wherever they are. A worker that runs one learns it at its next renewal,
-- and its result is refused.
-- ARGV: 1 ms to keep a result, 2 ms to keep a dead letter, then job ids
-- Returns, for each job: the state before, or '' when the id is unknown, or its record
-- damaged. A job that had ended stays as it was.
local now, keep = now_ms(), retention(1)
local before = {}
for at = 3, #ARGV do
  local id = ARGV[at]
  local job = known_of(id)
  if not job.lane then
    job.state = nil
  elseif is_open(job.state) then
    end_job(id, job, 'cancelled', '', CANCELLED, now, keep)
  end
  before[#before + 1] = job.state or ''
end
carry_out()
return before
