-- Writes result and final state in one step, if the token is current.
-- ARGV: 1 ms to keep a result, 2 ms to keep a dead letter, then for each job: id, token,
--       attempts, final state, reason or '', outcome (tail of the result's JSON, see end_job)
-- Returns, for each job: 1 when this was its end, 0 when it was no longer the caller's.
local now = now_ms()
local done = {}
for at = 3, #ARGV, 6 do
  local id, token = ARGV[at], ARGV[at + 1]
  local lane = held_lane(id, token)
  if lane then
    redis.call('HSET', job_key(id), 'attempts', ARGV[at + 2])
    end_job(id, lane, 'running', ARGV[at + 3], ARGV[at + 4], ARGV[at + 5], now, retention(1))
  end
  done[#done + 1] = lane and 1 or 0
end
return done
