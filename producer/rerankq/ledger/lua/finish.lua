-- Writes result and final state in one step, if the token is current.
-- ARGV: 1 ms to keep a result, 2 ms to keep a dead letter, 3 the jobs, as a JSON list of
--       [id, token as text, attempts, final state, reason or ''], then for each job its outcome
--       (tail of the result's JSON, see end_job)
-- Returns, for each job: 1 when this was its end, 0 when it was no longer the caller's, or its
-- deadline had passed: then that is its end, whether or not somebody has swept since.
local now, keep = now_ms(), retention(1)
local done = {}
for at, finish in ipairs(cjson.decode(ARGV[3])) do
  local id, token, attempts, state, reason = unpack(finish)
  local job = held_job(id, token)
  local in_time = job and now < (tonumber(job.deadline) or math.huge)
  if job then job.attempts = attempts end
  if in_time then
    end_job(id, job, state, reason, ARGV[at + 3], now, keep)
  elseif job then
    end_job(id, job, 'expired', '', EXPIRED, now, keep)
  end
  done[at] = in_time and 1 or 0
end
carry_out()
return done
