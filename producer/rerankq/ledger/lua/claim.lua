-- Gives jobs to a worker, each under a lease. Only a queued job can be claimed, so a hint
-- that comes twice, or too late, claims nothing. Safe to repeat: the same request gets the jobs that it
-- has claimed before, with the same tokens.
-- @argument worker text: name of the worker process
-- @argument lease_ms number: length of the lease
-- @argument most_absent number: dead or missing workers in a row that make a job a suspect
-- @argument is_alone flag: whether the worker has no other job
-- @argument keep_result_ms number: how long a result is kept
-- @argument keep_dead_ms number: how long a dead letter is kept
-- @argument request text: name of the request: a repeat has the same one, every other request another
-- @arguments job_ids text: the jobs to take
-- @answer rows: the time in ms; then, for each job claimed, {id, token, attempts, ms since it could first
-- run}, with four more when it was tried before: {ms since it was postponed, ms since its
-- first attempt failed or 0, pattern of its answer or '', how often in a row}. For each named job of a
-- tenant the script decides which tenant's job is given in its place; the row of a tenant's job ends with the
-- named one. Also {id} for each suspect that may only be claimed alone: if it kills its worker, no other job
-- may be lost with it; and
-- {'', ended} when it ended batches, as `batches/ended` says. A job of a paused batch is held back, and one of
-- a cancelled batch ends: neither is given out. The
-- token makes the ledger refuse writes of the job's earlier workers. The payloads are read by the next
-- command of the same round trip. When they are large, the lease is longer by the time that they take on a
-- slow link, because the worker learns of it only when they have arrived; its first renewal then sets the
-- ordinary length.
-- @include clock
-- @include batches/hold
-- @include claim/shares
-- @include ends
-- @include places
-- @include workers/absences
-- @include workers/heard
-- @include workers/tokens
-- @constants CANCELLED
-- @keys lane_set

local SLOW_BYTES_A_MS = 125 -- a megabit a second
local now = now_ms()
local rows, taken, given, bytes = {now}, {}, {}, 0
local holds_back, to_hold = false, {}

local function is_repeated(job)
  return job.state == 'running' and job.worker == worker and job.request == request
end

local function is_suspect(job) return job.away and absences(job, now, lease_ms) >= most_absent end

-- The batch of a job, when it lets none of its jobs begin.
local function stopped_batch(job)
  local batch = text(job.batch) and batch_of(job.batch)
  return batch and (batch.is_paused or batch.is_cancelled) and batch
end

-- Notes that the job's hint was read: its place tells which hints are lost.
local function note_place(id, job)
  taken[job.lane] = taken[job.lane] or {}
  table.insert(taken[job.lane], id)
end

local function take(id, job)
  spend_doubted(job)
  job.claims, job.worker, job.request, job.started = number(job.claims) + 1, worker, request, now
  job.lapsed, job.unsure, job.at_once = nil, nil, nil
  move(id, job, 'running')
  -- The place of a tenant's job says nothing of other hints.
  if not job.tenant or not text(job.tenant) then note_place(id, job) end
end

-- Ends a queued job whose batch was cancelled, or holds it back for a paused one, as soon as its place is known.
local function stop(id, job, batch)
  if to_hold[id] then return end
  note_place(id, job)
  if batch.is_cancelled then
    end_by_ledger(id, job, 'cancelled', '', CANCELLED, now, {keep_result_ms, keep_dead_ms})
  else
    holds_back, to_hold[id] = true, true
  end
end

-- Gives a job to the worker; `slot`: for a tenant's, the name in whose place it is given.
local function give(id, job, slot)
  given[#given + 1], bytes = id, bytes + number(job.bytes)
  local since = math.max(number(job.not_before), number(job.submitted))
  local row = {id, token_of(job), number(job.attempts), since > 0 and now - since or 0}
  local failure = job.failure
  -- A job that only waited for cheap hours has no past: no call of it has failed.
  if type(failure) == 'table' and (failure.code ~= 'cheap_hours' or number(failure.since) > 0) then
    local failing = number(failure.since)
    row[5], row[6] = now - number(failure.at), failing > 0 and now - failing or 0
    row[7], row[8] = text(failure.pattern) or '', number(failure.repeats)
  end
  if slot then row[#row + 1] = slot end
  rows[#rows + 1] = row
end

-- Gives a job out if it can run now; returns whether it did.
local function begin(id, job, slot)
  -- A job whose deadline has passed is not given out: the sweep ends it.
  local in_time = job and now < (tonumber(job.deadline) or math.huge)
  if in_time and job.state == 'queued' then
    local stopped = job.batch and stopped_batch(job)
    if stopped then
      stop(id, job, stopped)
    elseif is_suspect(job) and not is_alone then
      if not slot or slot == id then rows[#rows + 1] = {id} end
    else
      take(id, job)
      give(id, job, slot)
      return true
    end
  elseif in_time and is_repeated(job) then
    give(id, job, slot)
    return true
  end
  return false
end

hear(worker, now)
read_records(job_ids)
local seen, slots = {}, {}
for _, id in ipairs(job_ids) do
  local job = not seen[id] and known_of(id)
  seen[id] = true
  if job and job.tenant and text(job.tenant) and not is_alone then
    slots[job.lane] = slots[job.lane] or {}
    table.insert(slots[job.lane], id)
  else
    begin(id, job)
  end
end
for lane, names in pairs(slots) do deal(lane, request, names, begin) end
local lease_ends = whole(now + lease_ms + bytes / SLOW_BYTES_A_MS)
for _, id in ipairs(given) do
  gather('ZADD ' .. lane_set_key(known_of(id).lane, 'running'), lease_ends, id)
end
for lane, line in pairs(taken) do
  local first, again = 0, 0
  for at, score in ipairs(redis.call('ZMSCORE', lane_set_key(lane, 'queued'), unpack(line))) do
    local place = tonumber(score) or 0
    if holds_back and to_hold[line[at]] then
      local job = known_of(line[at])
      hold(line[at], job, place, now)
      if text(job.tenant) then place = 0 end
    end
    if place < REDELIVERED then first = math.max(first, place) else again = math.max(again, place) end
  end
  if first > 0 then advance_watermark(lane, first) end
  if again > 0 then advance_watermark(lane, again) end
end
carry_out()
note_shares()
if #ended_batches > 0 then rows[#rows + 1] = {'', ended_batches} end
return rows
