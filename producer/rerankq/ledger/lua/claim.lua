-- Gives jobs to a worker, each under a lease. Only a queued job can be claimed, so a hint
-- that comes twice, or too late, claims nothing.
-- ARGV: 1 name of the worker, 2 length of the lease in ms, 3 leases lost in a row that make a job
--       a suspect, 4 '1' when the worker has nothing else in hand, then job ids
-- Returns, for each job claimed: {id, token, attempts, ms since it might run for the first time,
-- payload}, and
-- {id} for each suspect that may only be claimed alone: should it end its worker, it must not
-- take others along. The token is the count of claims: it fences off whoever held the job before.
local now = now_ms()
local started, lease_ends = whole(now), whole(now + tonumber(ARGV[2]))
local rows, taken = {}, {}

-- The payload; '' where there is none that can be read, and the worker says so at the job's end. It
-- must not break this script off: those taken before it would stand in no set of their lane.
local function payload_of(id)
  local payload = redis.pcall('GET', payload_key(id))
  return type(payload) == 'string' and payload or ''
end

local function take(id, lane, claims, attempts, waited)
  local token = (tonumber(claims) or 0) + 1
  redis.call('HSET', job_key(id), 'state', 'running', 'claims', token, 'worker', ARGV[1],
    'started', started)
  gather('ZADD ' .. lane_set(lane, 'running'), lease_ends, id)
  gather('ZREM ' .. lane_set(lane, 'queued'), id)
  taken[lane] = taken[lane] or {}
  table.insert(taken[lane], id)
  return {id, token, tonumber(attempts) or 0, waited, payload_of(id)}
end

for at = 5, #ARGV do
  local id = ARGV[at]
  local state, lane, claims, attempts, submitted, lost, not_before, deadline = record(id,
    'state', 'lane', 'claims', 'attempts', 'submitted', 'lost', 'not_before', 'deadline')
  -- Without a lane the record is damaged: the sweep takes the job out of the one it stands in, and
  -- gives the end that is due to one whose deadline has passed.
  local queued = state == 'queued' and lane and now < (tonumber(deadline) or math.huge)
  if queued and ARGV[4] ~= '1' and tonumber(lost or 0) >= tonumber(ARGV[3]) then
    rows[#rows + 1] = {id}
  elseif queued then
    local since = tonumber(not_before) or tonumber(submitted) or now
    rows[#rows + 1] = take(id, lane, claims, attempts, now - since)
  end
end
for lane, ids in pairs(taken) do
  local first, again = 0, 0
  for _, score in ipairs(redis.call('ZMSCORE', lane_set(lane, 'queued'), unpack(ids))) do
    local place = tonumber(score) or 0
    if place < AGAIN then first = math.max(first, place) else again = math.max(again, place) end
  end
  if first > 0 then advance_watermark(lane, first) end
  if again > 0 then advance_watermark(lane, again) end
end
carry_out()
return rows
