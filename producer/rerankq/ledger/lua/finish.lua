-- Writes result and final state in one step, if the token is current.
-- ARGV: 1 ms to keep a result, 2 ms to keep a dead letter, 3 the jobs, as a JSON list of
--       [id, token as text, attempts, final state, reason or ''], then for each job its outcome
--       (tail of the result's JSON, see end_job)
-- Returns, for each job: 1 when this was its end, 0 when it was no longer the caller's.
local now, keep = now_ms(), retention(1)
local done = {}
for at, finish in ipairs(cjson.decode(ARGV[3])) do
  local id, token, attempts, state, reason = unpack(finish)
  local job = held_job(id, token)
  if job then
    job.attempts = attempts
    end_job(id, job, state, reason, ARGV[at + 3], now, keep)
  end
  done[at] = job and 1 or 0
end
carry_out()
return done
