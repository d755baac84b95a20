-- Takes jobs from their worker to be queued again later: a retry, or with no delay a handing back.
-- ARGV: 1 the jobs, as a JSON list of [id, token, attempts used so far, delay in ms]
-- Returns, for each job: 1 when it was the caller's to give, else 0.
local now = now_ms()
local jobs, ids, done = cjson.decode(ARGV[1]), {}, {}
for at, each in ipairs(jobs) do ids[at] = each[1] end
read_records(ids)
for at, each in ipairs(jobs) do
  local id, token, attempts, delay = unpack(each)
  local job = held_job(id, token)
  if job then
    job.state, job.attempts, job.due, job.lost = 'scheduled', attempts, whole(now + delay), nil
    write_record(id)
    gather('ZREM ' .. lane_set(job.lane, 'running'), id)
    gather('ZADD ' .. lane_set(job.lane, 'scheduled'), job.due, id)
  end
  done[at] = job and 1 or 0
end
carry_out()
return done
