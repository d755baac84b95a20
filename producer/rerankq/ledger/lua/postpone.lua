-- Takes jobs from their worker to be queued again later: a retry, or with no delay a handing back.
-- ARGV: for each job: id, token, attempts used so far, delay in ms
-- Returns, for each job: 1 when it was the caller's to give, else 0.
local now = now_ms()
local done = {}
for at = 1, #ARGV, 4 do
  local id, token = ARGV[at], ARGV[at + 1]
  local job = held_job(id, token)
  if job then
    local due = now + tonumber(ARGV[at + 3])
    redis.call('HSET', job_key(id), 'state', 'scheduled', 'attempts', ARGV[at + 2],
      'due', whole(due), 'lost', 0)
    gather('ZREM ' .. lane_set(job.lane, 'running'), id)
    gather('ZADD ' .. lane_set(job.lane, 'scheduled'), whole(due), id)
  end
  done[#done + 1] = job and 1 or 0
end
carry_out()
return done
