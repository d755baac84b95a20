-- Records jobs in their order, with an answer for each.
-- Uses the arguments most, jobs and mark.
-- @defines submit
-- @include batches
-- @include budgets/admitting
-- @include places
-- @include outbox
-- @include states
-- @include tenants/idempotency
-- @include tenants/places
-- @include tenants/quotas
-- @include undoing
-- @keys job payload lane lane_set deadlines
local now = now_ms()
-- The payloads that come with the call; nil when they were staged before it.
local sent_payloads
local depth, ids, keys = {}, {}, {}

-- The jobs of a lane that pauses hold back.
local function held_back(lane) return math.max(number(redis.call('HGET', lane_key(lane), 'held')), 0) end

local function lane_depth(lane)
  if not depth[lane] then
    depth[lane] = redis.call('ZCARD', lane_set_key(lane, 'queued'))
      + redis.call('ZCARD', lane_set_key(lane, 'scheduled'))
      + redis.call('ZCARD', lane_set_key(lane, 'running')) + held_back(lane)
  end
  return depth[lane]
end

-- Why a job cannot enter its batch, if that is so. The batch's deadline is also that of its jobs.
local function batch_refusal(job)
  local batch = batch_of(job.batch)
  if not batch or batch.tenant ~= job.tenant then return 'no_batch' end
  if batch.is_sealed or batch.is_cancelled or now >= batch.deadline then return 'closed' end
  if batch.deadline < math.huge then
    job.deadline = math.min(job.deadline or math.huge, batch.deadline - now)
  end
end

-- Whether any of the jobs is known: most often none is, and one command tells that for all.
local function some_known()
  local records = {}
  for at, job in ipairs(jobs) do records[at] = job_key(job.id) end
  return #records > 0 and redis.call('EXISTS', unpack(records)) > 0
end

-- The job that the idempotency key belongs to; empty when that job's record is gone.
local function owner(name)
  if keys[name] then return keys[name] end
  -- A key of another type belongs to no job: then `before` is an error, without a first element.
  local before = redis.pcall('HMGET', name, 'id', 'fingerprint')
  return before[1] and redis.call('EXISTS', job_key(before[1])) == 1 and before or {}
end

local function earlier(job)
  local id, fingerprint = unpack(owner(idempotency_name(job.tenant, job.key)))
  if not id then return nil end
  if fingerprint ~= job.fingerprint then return 'conflict' end
  return id == job.id and 'accepted' or 'existing:' .. id
end

-- What is said of a job whose id is known already: no tenant is told of another's job.
local function repeated(job)
  if not job.tenant then return 'accepted' end
  local known_as = ids[job.id]
  if known_as == nil then
    local record = decoded(redis.call('GET', job_key(job.id)))
    known_as = record and text(record.tenant) or ''
  end
  return known_as == job.tenant and 'accepted' or 'taken'
end

local function new_record(job)
  return {lane = job.lane, submitted = now,
    deadline = job.deadline and now + job.deadline, due = job.waits and whole(job.not_before) or nil,
    not_before = job.waits and whole(job.not_before) or nil,
    custom = job.custom, batch = job.batch, idempotency = job.key, bytes = job.bytes,
    keep = job.keep, tenant = job.tenant, callbacks = job.callbacks,
    cost = (job.tenant or job.hold_batch) and job.cost or nil,
    hold_batch = job.hold_batch, hold_tenant = job.hold_tenant,
    model = job.model, metadata = job.metadata, trace = job.callbacks and job.trace or nil}
end

local accepted, queued, entries, written = {}, {}, {}, false

-- Tenants' jobs have an order of announcement of their own.
local function count_queued(job)
  local lines = queued[job.lane] or {own = 0, shared = 0}
  queued[job.lane] = lines
  local line = job.tenant and 'shared' or 'own'
  lines[line] = lines[line] + 1
end

-- The first places of the queued jobs in their orders.
local function take_places()
  for lane, lines in pairs(queued) do
    if lines.own > 0 then lines.own = next_place(lane, false, lines.own) end
    if lines.shared > 0 then lines.shared = next_shared_place(lane, lines.shared) end
  end
end

-- The answer for each job. Writes nothing yet.
local function judge()
  local some, held_up, outcomes, over_quota = some_known(), false, {}, {}
  for at, job in ipairs(jobs) do
    -- The key first: a known id with another request is still a conflict.
    local outcome = job.key and earlier(job)
      or (ids[job.id] or some and redis.call('EXISTS', job_key(job.id)) == 1) and repeated(job)
      or job.batch and batch_refusal(job)
      or job.callbacks and names_unknown_webhook(job.callbacks, job.tenant) and 'no_webhook'
      or lane_depth(job.lane) >= most and 'full'
      -- A batch keeps its order: the jobs after one that was refused must wait with it.
      or held_up and job.batch and 'full'
      or job.batch and over_quota[job.batch]
      or job.tenant and quota_refusal(job)
      or budget_refusal(job)
    held_up = held_up or outcome == 'full'
    if job.batch and outcome and string.find(outcome, 'quota:', 1, true) then over_quota[job.batch] = outcome end
    if not outcome then
      job.waits = job.not_before and job.not_before > now
      outcome = job.waits and 'scheduled' or 'accepted'
      ids[job.id], depth[job.lane] = job.tenant or '', depth[job.lane] + 1
      if job.tenant then charge(job) end
      reserve_budget(job)
      if job.key then keys[idempotency_name(job.tenant, job.key)] = {job.id, job.fingerprint} end
      accepted[#accepted + 1] = job
      if not job.waits then count_queued(job) end
      if sent_payloads then gather('MSET', payload_key(job.id), sent_payloads[at]) end
    elseif not sent_payloads then
      gather('DEL', payload_key(job.id))
    end
    outcomes[at] = outcome
  end
  return outcomes
end

-- Writes the jobs' records and puts them in their lanes. No DEL may come before this: when its memory is
-- full, Redis refuses only a script's first write, and a DEL as the first would pass.
local function write_jobs()
  take_places()
  for _, job in ipairs(accepted) do
    local record, lane = new_record(job), job.lane
    known[job.id] = record
    if job.waits then
      move(job.id, record, 'scheduled', record.due)
    else
      local lines, line = queued[lane], job.tenant and 'shared' or 'own'
      move(job.id, record, 'queued', whole(lines[line]))
      lines[line] = lines[line] + 1
    end
  end
  written = true
  carry_out()
end

-- Writes what refers to the jobs: idempotency keys, deadlines and the entries of batches.
local function write_references()
  for _, job in ipairs(accepted) do
    if job.key then
      -- DEL removes the expiry that an earlier job with this key may have left.
      local name = idempotency_name(job.tenant, job.key)
      redis.call('DEL', name)
      redis.call('HSET', name, 'id', job.id, 'fingerprint', job.fingerprint)
    end
    if job.deadline then gather('ZADD ' .. deadlines_key, whole(now + job.deadline), job.id) end
    if job.batch then
      entries[job.batch] = entries[job.batch] or {}
      -- With its custom id: a row whose record is gone still says which line it stands for.
      table.insert(entries[job.batch], job.custom and job.id .. ' ' .. job.custom or job.id)
    end
  end
  carry_out()
  for batch, line in pairs(entries) do add_to_batch(batch, line) end
  note_charges()
  note_reservations()
  if sent_payloads and mark ~= '' then redis.call('DEL', mark) end
end

-- Deletes the staged payloads if no records were written: without a record, nothing else would.
local function unstage()
  if written or sent_payloads then return end
  for _, job in ipairs(jobs) do redis.call('DEL', payload_key(job.id)) end
end

-- Returns the answer for each job. `payloads`: nil when they were staged before the call.
function submit(payloads)
  sent_payloads = payloads
  return undoing(function()
    local outcomes = judge()
    -- In this order: an idempotency key or a batch must never name a job that was not recorded.
    write_jobs()
    write_references()
    return outcomes
  end, unstage)
end
