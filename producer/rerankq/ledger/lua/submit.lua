-- Records jobs. Safe to repeat: a job id that is known already is accepted again, and no more.
-- ARGV: 1 most unfinished jobs a lane may hold
--       then for each job: id, lane, payload (JSON), deadline in ms from now or '', time in ms
--       before which it may not run or '', batch id or '', custom id or '', idempotency key
--       or '', fingerprint of the request or ''
-- Returns, for each job: 'accepted', 'scheduled' (accepted, to be announced by the reconciler),
-- 'full', 'conflict', or 'existing:<id>' where the idempotency key and the fingerprint belong to
-- a job accepted before.
local now = now_ms()
local most = tonumber(ARGV[1])
local depth = {}

local function lane_depth(lane)
  if not depth[lane] then
    depth[lane] = redis.call('ZCARD', lane_set(lane, 'queued'))
      + redis.call('ZCARD', lane_set(lane, 'scheduled'))
      + redis.call('ZCARD', lane_set(lane, 'running'))
  end
  return depth[lane]
end

local function earlier(key, fingerprint)
  local id, known = unpack(redis.call('HMGET', idempotency_key(key), 'id', 'fingerprint'))
  if not id then return nil end
  return known == fingerprint and 'existing:' .. id or 'conflict'
end

local function accept(id, lane, payload, deadline, not_before, batch, custom, key, fingerprint)
  local waits = not_before ~= '' and tonumber(not_before) > now
  local record = {'state', waits and 'scheduled' or 'queued', 'lane', lane, 'submitted', whole(now),
    'attempts', 0, 'claims', 0}
  local function add(name, value)
    record[#record + 1] = name
    record[#record + 1] = value
  end
  if deadline ~= '' then
    local at = whole(now + tonumber(deadline))
    add('deadline', at)
    redis.call('ZADD', 'rerankq:deadlines', at, id)
  end
  if waits then add('due', not_before) end
  if custom ~= '' then add('custom', custom) end
  if batch ~= '' then
    add('batch', batch)
    add_to_batch(batch, id)
  end
  if key ~= '' then
    add('idempotency', key)
    redis.call('HSET', idempotency_key(key), 'id', id, 'fingerprint', fingerprint)
  end
  redis.call('HSET', job_key(id), unpack(record))
  redis.call('SET', payload_key(id), payload)
  if waits then
    redis.call('ZADD', lane_set(lane, 'scheduled'), not_before, id)
  else
    redis.call('ZADD', lane_set(lane, 'queued'), next_sequence(lane), id)
  end
  depth[lane] = depth[lane] + 1
  return waits and 'scheduled' or 'accepted'
end

local outcomes, held_up = {}, false
for at = 2, #ARGV, 9 do
  local id, lane, key, fingerprint = ARGV[at], ARGV[at + 1], ARGV[at + 7], ARGV[at + 8]
  local outcome = redis.call('EXISTS', job_key(id)) == 1 and 'accepted'
    or key ~= '' and earlier(key, fingerprint)
    or lane_depth(lane) >= most and 'full'
    -- A batch keeps its order: what comes behind a job that was refused must wait with it.
    or held_up and ARGV[at + 5] ~= '' and 'full'
  held_up = held_up or outcome == 'full'
  outcomes[#outcomes + 1] = outcome or accept(id, lane, ARGV[at + 2], ARGV[at + 3],
    ARGV[at + 4], ARGV[at + 5], ARGV[at + 6], key, fingerprint)
end
return outcomes
