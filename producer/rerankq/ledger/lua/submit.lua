-- Records jobs. Safe to repeat: a job id that is known already is accepted again, and no more.
-- ARGV: 1 most unfinished jobs a lane may hold
--       2 the jobs, as a JSON list of {id, lane} and, where given, deadline (ms from now),
--         not_before (time in ms), batch, custom, key (for idempotency) with fingerprint (of the
--         request): one argument instead of many, which would cost the client more than all else
--       then for each job its payload
-- Returns, for each job: 'accepted', 'scheduled' (accepted, to be announced by the reconciler),
-- 'full', 'conflict', 'no_batch' (there is none with that id), or 'existing:<id>' where the
-- idempotency key and the fingerprint belong to a job accepted before.
local now = now_ms()
local submitted = whole(now)
local most, jobs = tonumber(ARGV[1]), cjson.decode(ARGV[2])
local depth, batches, ids, keys = {}, {}, {}, {}

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

-- Whether any of the jobs is known: most often none is, and one command says so for all.
local function some_known()
  local records = {}
  for at, job in ipairs(jobs) do records[at] = job_key(job.id) end
  return #records > 0 and redis.call('EXISTS', unpack(records)) > 0
end

-- The job that the key belongs to; nobody's where its record is gone.
local function owner(key)
  if keys[key] then return keys[key] end
  local known = redis.call('HMGET', idempotency_key(key), 'id', 'fingerprint')
  return known[1] and redis.call('EXISTS', job_key(known[1])) == 1 and known or {}
end

local function earlier(job)
  local id, fingerprint = unpack(owner(job.key))
  if not id then return nil end
  if fingerprint ~= job.fingerprint then return 'conflict' end
  return id == job.id and 'accepted' or 'existing:' .. id
end

local function write_record(job)
  local record = {'state', job.waits and 'scheduled' or 'queued', 'lane', job.lane,
    'submitted', submitted}
  local function add(name, value)
    if not value then return end
    record[#record + 1] = name
    record[#record + 1] = value
  end
  add('deadline', job.deadline and whole(now + job.deadline))
  add('due', job.waits and whole(job.not_before))
  add('not_before', job.waits and whole(job.not_before))
  add('custom', job.custom)
  add('batch', job.batch)
  add('idempotency', job.key)
  redis.call('HSET', job_key(job.id), unpack(record))
end

-- First what becomes of each, without a write; then the writes.
local some, held_up = some_known(), false
local outcomes, accepted, payloads, queued, entries = {}, {}, {}, {}, {}
for at, job in ipairs(jobs) do
  -- The key first: an id that comes again with another request is a conflict all the same.
  local outcome = job.key and earlier(job)
    or (ids[job.id] or some and redis.call('EXISTS', job_key(job.id)) == 1) and 'accepted'
    or job.batch and not has_batch(job.batch) and 'no_batch'
    or lane_depth(job.lane) >= most and 'full'
    -- A batch keeps its order: what comes behind a job that was refused must wait with it.
    or held_up and job.batch and 'full'
  held_up = held_up or outcome == 'full'
  if not outcome then
    job.waits = job.not_before and job.not_before > now
    outcome = job.waits and 'scheduled' or 'accepted'
    ids[job.id], depth[job.lane] = true, depth[job.lane] + 1
    if job.key then keys[job.key] = {job.id, job.fingerprint} end
    accepted[#accepted + 1] = job
    payloads[#payloads + 1] = payload_key(job.id)
    payloads[#payloads + 1] = ARGV[at + 2]
  end
  outcomes[at] = outcome
end
if #accepted == 0 then return outcomes end

-- The jobs first, whole and in their lanes, and what leads to them second: a script that fails
-- half-way is not taken back, and no list may name a job that never was.
redis.call('MSET', unpack(payloads))
for _, job in ipairs(accepted) do
  write_record(job)
  if job.waits then
    gather('ZADD ' .. lane_set(job.lane, 'scheduled'), whole(job.not_before), job.id)
  else
    queued[job.lane] = queued[job.lane] or {}
    table.insert(queued[job.lane], job.id)
  end
end
for lane, line in pairs(queued) do
  local place = next_place(lane, false, #line)
  for at, id in ipairs(line) do
    gather('ZADD ' .. lane_set(lane, 'queued'), whole(place + at - 1), id)
  end
end
carry_out()

for _, job in ipairs(accepted) do
  if job.key then
    redis.call('HSET', idempotency_key(job.key), 'id', job.id, 'fingerprint', job.fingerprint)
  end
  if job.deadline then gather('ZADD rerankq:deadlines', whole(now + job.deadline), job.id) end
  if job.batch then
    entries[job.batch] = entries[job.batch] or {}
    table.insert(entries[job.batch], job.id)
  end
end
carry_out()
for batch, line in pairs(entries) do add_to_batch(batch, line) end
return outcomes
