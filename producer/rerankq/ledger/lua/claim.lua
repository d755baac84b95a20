-- Gives jobs to a worker, each under a lease. Only a queued job can be claimed, so a hint
-- that comes twice, or too late, claims nothing.
-- ARGV: 1 name of the worker, 2 length of the lease in ms, 3 leases lost in a row that make a job
--       a suspect, 4 '1' when the worker has nothing else in hand, then job ids
-- Returns the time in ms, then, for each job claimed, {id, token, attempts, ms since it might run
-- for the first time}, and {id} for each suspect that may only be claimed alone: should it end its
-- worker, it must not take others along. The token is the count of claims: it fences off whoever
-- held the job before. The payloads are read right behind, in the same round trip.
local now = now_ms()
local lease_ends = whole(now + tonumber(ARGV[2]))
local rows, taken, ids = {now}, {}, {unpack(ARGV, 5)}

local function take(id, job)
  job.state, job.claims, job.worker, job.started = 'running', number(job.claims) + 1,
    ARGV[1], now
  write_record(id)
  gather('ZADD ' .. lane_set(job.lane, 'running'), lease_ends, id)
  gather('ZREM ' .. lane_set(job.lane, 'queued'), id)
  taken[job.lane] = taken[job.lane] or {}
  table.insert(taken[job.lane], id)
  local since = math.max(number(job.not_before), number(job.submitted))
  return {id, job.claims, number(job.attempts), since > 0 and now - since or 0}
end

read_records(ids)
for _, id in ipairs(ids) do
  local job = known_of(id)
  -- The sweep gives the end that is due to one whose deadline has passed.
  local queued = job and job.state == 'queued' and now < (tonumber(job.deadline) or math.huge)
  if queued and ARGV[4] ~= '1' and number(job.lost) >= tonumber(ARGV[3]) then
    rows[#rows + 1] = {id}
  elseif queued then
    rows[#rows + 1] = take(id, job)
  end
end
for lane, line in pairs(taken) do
  local first, again = 0, 0
  for _, score in ipairs(redis.call('ZMSCORE', lane_set(lane, 'queued'), unpack(line))) do
    local place = tonumber(score) or 0
    if place < AGAIN then first = math.max(first, place) else again = math.max(again, place) end
  end
  if first > 0 then advance_watermark(lane, first) end
  if again > 0 then advance_watermark(lane, again) end
end
carry_out()
return rows
