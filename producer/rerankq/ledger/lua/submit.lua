-- Records jobs. Safe to repeat: a job id that is known already is accepted again, and no more.
-- ARGV: 1 most unfinished jobs a lane may hold
--       then for each job: id, lane, payload (JSON), deadline in ms from now or '', time in ms
--       before which it may not run or '', batch id or '', custom id or '', idempotency key
--       or '', fingerprint of the request or ''
-- Returns, for each job: 'accepted', 'scheduled' (accepted, to be announced by the reconciler),
-- 'full', 'conflict', 'no_batch' (there is none with that id), or 'existing:<id>' where the
-- idempotency key and the fingerprint belong to a job accepted before.
local now = now_ms()
local most = tonumber(ARGV[1])
local depth, batches = {}, {}

local function lane_depth(lane)
  if not depth[lane] then
    depth[lane] = redis.call('ZCARD', lane_set(lane, 'queued'))
      + redis.call('ZCARD', lane_set(lane, 'scheduled'))
      + redis.call('ZCARD', lane_set(lane, 'running'))
  end
  return depth[lane]
end

local function has_batch(batch)
  if batches[batch] == nil then batches[batch] = redis.call('EXISTS', batch_key(batch)) == 1 end
  return batches[batch]
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
  local ends_at = deadline ~= '' and whole(now + tonumber(deadline))
  if ends_at then add('deadline', ends_at) end
  if waits then add('due', not_before) end
  if custom ~= '' then add('custom', custom) end
  if batch ~= '' then add('batch', batch) end
  if key ~= '' then add('idempotency', key) end
  -- The job first, whole and in its lane, and what leads to it second: a script that fails
  -- half-way is not taken back, and no list may name a job that never was.
  redis.call('SET', payload_key(id), payload)
  redis.call('HSET', job_key(id), unpack(record))
  if waits then
    redis.call('ZADD', lane_set(lane, 'scheduled'), not_before, id)
  else
    redis.call('ZADD', lane_set(lane, 'queued'), next_sequence(lane), id)
  end
  if key ~= '' then
    redis.call('HSET', idempotency_key(key), 'id', id, 'fingerprint', fingerprint)
  end
  if ends_at then redis.call('ZADD', 'rerankq:deadlines', ends_at, id) end
  if batch ~= '' then add_to_batch(batch, id) end
  depth[lane] = depth[lane] + 1
  return waits and 'scheduled' or 'accepted'
end

local outcomes, held_up = {}, false
for at = 2, #ARGV, 9 do
  local id, lane, batch = ARGV[at], ARGV[at + 1], ARGV[at + 5]
  local key, fingerprint = ARGV[at + 7], ARGV[at + 8]
  local outcome = redis.call('EXISTS', job_key(id)) == 1 and 'accepted'
    or key ~= '' and earlier(key, fingerprint)
    or batch ~= '' and not has_batch(batch) and 'no_batch'
    or lane_depth(lane) >= most and 'full'
    -- A batch keeps its order: what comes behind a job that was refused must wait with it.
    or held_up and batch ~= '' and 'full'
  held_up = held_up or outcome == 'full'
  outcomes[#outcomes + 1] = outcome or accept(id, lane, ARGV[at + 2], ARGV[at + 3],
    ARGV[at + 4], batch, ARGV[at + 6], key, fingerprint)
end
return outcomes
