-- Gives jobs to a worker, each under a lease. Only a queued job can be claimed, so a hint
-- that comes twice, or too late, claims nothing.
-- ARGV: 1 name of the worker, 2 length of the lease in ms, 3 leases lost in a row that make a job
--       a suspect, 4 '1' when the worker has nothing else in hand, then job ids
-- Returns, for each job claimed: {id, token, attempts, ms since it was accepted, payload}, and
-- {id} for each suspect that may only be claimed alone: should it end its worker, it must not
-- take others along. The token is the count of claims: it fences off whoever held the job before.
local now = now_ms()
local claimed = {}
for at = 5, #ARGV do
  local id = ARGV[at]
  local state, lane, attempts, submitted, lost, again = record(id,
    'state', 'lane', 'attempts', 'submitted', 'lost', 'again')
  -- Without a lane the record is damaged: the sweep takes the job out of the one it stands in.
  local queued = state == 'queued' and lane
  if queued and ARGV[4] ~= '1' and tonumber(lost or 0) >= tonumber(ARGV[3]) then
    claimed[#claimed + 1] = {id}
  elseif queued then
    local sequence = tonumber(redis.call('ZSCORE', lane_set(lane, 'queued'), id))
    redis.call('ZREM', lane_set(lane, 'queued'), id)
    redis.call('ZADD', lane_set(lane, 'running'), now + tonumber(ARGV[2]), id)
    local token = redis.call('HINCRBY', job_key(id), 'claims', 1)
    redis.call('HSET', job_key(id), 'state', 'running', 'worker', ARGV[1], 'started', whole(now))
    -- What was announced again overtakes the line, and so says nothing about those in it.
    if sequence and not again then advance_watermark(lane, sequence) end
    claimed[#claimed + 1] = {id, token, tonumber(attempts or 0),
      now - tonumber(submitted or now),
      redis.call('GET', payload_key(id)) or ''}
  end
end
return claimed
