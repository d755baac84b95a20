-- Cancels jobs, wherever they are. A worker that runs one learns it at its next renewal,
-- and its result is refused.
-- ARGV: 1 ms to keep a result, 2 ms to keep a dead letter, then job ids
-- Returns, for each job: the state before, or '' when the id is unknown, or its record
-- damaged. A job that had ended stays as it was.
local now = now_ms()
local before = {}
for at = 3, #ARGV do
  local id = ARGV[at]
  local state, lane = record(id, 'state', 'lane')
  if not lane then
    state = nil
  elseif is_open(state) then
    end_job(id, lane, state, 'cancelled', '', CANCELLED, now, retention(1))
  end
  before[#before + 1] = state or ''
end
return before
