-- One tick of the reconciler: finds lost, due and expired jobs, and queues or ends them. Any number of
-- workers may call it; the first in an interval does the work, the others return at once.
-- @argument interval_ms number: from one sweep to the next
-- @argument lease_ms number: length of a lease
-- @argument grace_ms number: after which a hint counts as lost
-- @argument grace_again_ms number: the same for a hint that was published again
-- @argument most_deaths number: workers in a row that may die with a job before it is failed
-- @argument keep_result_ms number: how long a result is kept
-- @argument keep_dead_ms number: how long a dead letter is kept
-- @argument keep_usage_days number: how long the counts of a day are kept
-- @argument most_dead number: most dead letters
-- @argument most number: most jobs to move in a lane a tick
-- @argument worker text: name of the worker process, or '' for a caller that is none
-- @argument lanes json: a list of [lane, key of its first Celery queue, key of its redelivery queue]
-- @answer rows: the keys that were put aside, because they held another type; the jobs that were
-- ended, each as [id, lane, batch or '', state, attempts]; the batches that it ended, as `batches/ended` says;
-- and then, for each lane: the ids to announce,
-- and those taken out of it because their records were missing or damaged. Nothing at all, not even
-- empty lists, when another worker swept in this interval. The call shows that the worker is alive. Safe
-- to repeat: the jobs of a lost answer are found again by their lost hints.
-- @include clock
-- @include batches/portions
-- @include workers/absences
-- @include workers/heard
-- @include sweep/foreign_keys
-- @include sweep/owed
-- @include usage
-- @constants CRASHED EXPIRED
-- @keys job payload said lane lane_set deadlines dead last_heard sweeper sweeping batches_resuming
-- @keys batches_cancelling batches_deadlines batches_holding

local now, keep = now_ms(), {keep_result_ms, keep_dead_ms}
keep_usage(keep_usage_days)

if worker ~= '' then hear(worker, now) end

-- A lock that lasts longer than the interval was set before the clock was set back, and would stop all sweeps.
if redis.call('PTTL', sweeping_key) > interval_ms then redis.call('DEL', sweeping_key) end
if not redis.call('SET', sweeping_key, '1', 'NX', 'PX', interval_ms) then return {} end

-- While Redis was stopped, or no worker swept, no lease could be renewed either. Leases that ran out in
-- such a gap get one more lease's time, or every running job would run twice.
local put_aside = put_foreign_keys_aside()
local last, lease_grace, set_back = unpack(
  redis.call('HMGET', sweeper_key, 'last', 'lease_grace', 'set_back'))
last, lease_grace = number(last), number(lease_grace)
if now - last > math.max(2 * interval_ms, lease_ms / 2) then lease_grace = now + lease_ms end
-- A last sweep in the future means that the clock was set back: no lease may become longer by that.
if last > now then lease_grace, set_back = math.min(lease_grace, now + lease_ms), '1' end
redis.call('HSET', sweeper_key, 'last', whole(now), 'lease_grace', whole(lease_grace))

local KNOWN_MS = 24 * 3600 * 1000 -- a worker that was silent for longer was taken for dead long ago

local function tidy_workers()
  local known = math.max(KNOWN_MS, 2 * SILENT_LEASES * lease_ms)
  redis.call('ZREMRANGEBYSCORE', last_heard_key, '-inf', whole(now - known))
  if not set_back then return end
  -- Times in the future were noted before the clock was set back.
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', last_heard_key, '(' .. whole(now), '+inf')) do
    hear(name, now)
  end
end

-- The jobs of a lane's set whose records agree with it, and their scores by id. The others are orphans and
-- are taken out: they cannot be served, and writing to a record that is gone would create it again.
local function members(lane, state, first, last, orphans)
  local found, ids, scores = {}, {}, {}
  local scored = redis.call('ZRANGEBYSCORE', lane_set_key(lane, state), first, last, 'WITHSCORES',
    'LIMIT', 0, most)
  for at = 1, #scored, 2 do
    ids[#ids + 1], scores[scored[at]] = scored[at], tonumber(scored[at + 1])
  end
  read_records(ids)
  for _, id in ipairs(ids) do
    local job = known_of(id)
    if job and place_of(job) == state and job.lane == lane then
      found[#found + 1] = id
    else
      redis.call('ZREM', lane_set_key(lane, state), id)
      if not job then redis.call('DEL', job_key(id)) end
      -- The payload is not needed any more: it may be left of an end that was interrupted.
      if not job or not is_open(job.state) then
        redis.call('PEXPIRE', payload_key(id), keep[2])
      end
      orphans[#orphans + 1] = id
    end
  end
  return found, scores
end

local ended = {}

local function end_and_note(id, job, state, reason, outcome)
  end_by_ledger(id, job, state, reason, outcome, now, keep)
  ended[#ended + 1] = {id, job.lane, text(job.batch) or '', state, number(job.attempts)}
end

local function requeue(lane, id, announce)
  local job = known_of(id)
  move(id, job, 'queued', whole(text(job.tenant) and next_shared_place(lane, 1) or next_place(lane, true, 1)))
  announce[#announce + 1] = id
end

-- Lets a suspect rest until it is known whether its silent workers are dead. Workers that somebody kills
-- end at about the same time: a job that was with two of them by chance should not be with the third too,
-- and be failed for it.
local function rest(id)
  local job = known_of(id)
  job.due = whole(now + SILENT_LEASES * lease_ms)
  move(id, job, 'scheduled', job.due)
end

-- Decides about a job whose lease ran out, now or earlier. While Redis was stopped no worker could be heard,
-- so during the lease grace none is taken for dead.
local function judge(lane, id, announce)
  local job = known_of(id)
  local away, dead = absences(job, now, lease_ms)
  if dead >= most_deaths and now >= lease_grace then
    end_and_note(id, job, 'failed', 'crash_loop', CRASHED)
  elseif away >= most_deaths or away == most_deaths - 1 and job.state == 'running' then
    rest(id)
  else
    requeue(lane, id, announce)
  end
end

-- Shortens leases that end later than a new one would; returns whether there may be more.
local function shorten_leases(lane)
  local ends = whole(now + lease_ms)
  local ids = redis.call('ZRANGEBYSCORE', lane_set_key(lane, 'running'), '(' .. ends, '+inf',
    'LIMIT', 0, most)
  for _, id in ipairs(ids) do gather('ZADD ' .. lane_set_key(lane, 'running'), ends, id) end
  carry_out()
  return #ids == most
end

local function expired_leases(lane, announce, orphans)
  if now < lease_grace then return end
  local ids, ends = members(lane, 'running', '-inf', now, orphans)
  for _, id in ipairs(ids) do
    doubt_call(known_of(id))
    note_absence(known_of(id), ends[id])
    judge(lane, id, announce)
  end
  carry_out()
end

local function due_jobs(lane, announce, orphans)
  for _, id in ipairs((members(lane, 'scheduled', '-inf', now, orphans))) do judge(lane, id, announce) end
  carry_out()
end

local function lost_hints(lane, again, queue, announce, orphans)
  local waiting = redis.call('LLEN', queue)
  local first, last = lost_places(lane, again, waiting, now, again and grace_again_ms or grace_ms)
  for _, id in ipairs((members(lane, 'queued', first, last, orphans))) do
    requeue(lane, id, announce)
  end
  carry_out()
end

-- Goes on with what clients have begun on whole batches: a portion of the oldest each. A client that lives is
-- faster. `let_go` is not held up by a pause: that takes the batch off the list.
local function batch_portions(resumed)
  local resuming = redis.call('ZRANGE', batches_resuming_key, 0, 0)[1]
  if resuming then let_go(resuming, most, now, resumed) end
  local cancelling = redis.call('ZRANGE', batches_cancelling_key, 0, 0)[1]
  if cancelling then cancel_some(cancelling, most, now, keep) end
  local holding, until_ms = unpack(redis.call('ZRANGE', batches_holding_key, 0, 0, 'WITHSCORES'))
  if holding and number(until_ms) <= now then end_held(holding, most, now, keep) end
  -- Once no batch holds jobs, the counts of the lanes are right again, whoever has ended them.
  if holding then return end
  for _, each in ipairs(lanes) do
    local lane = each[1]
    if number(redis.call('HGET', lane_key(lane), 'held')) ~= 0 then
      redis.call('HSET', lane_key(lane), 'held', 0)
    end
  end
end

tidy_workers()

local passed = redis.call('ZRANGEBYSCORE', deadlines_key, '-inf', now, 'LIMIT', 0, most)
read_records(passed)
for _, id in ipairs(passed) do
  local job = known_of(id)
  if job and is_open(job.state) then end_and_note(id, job, 'expired', '', EXPIRED) end
  gather('ZREM ' .. deadlines_key, id)
end
-- Now, because jobs that have ended must not be found in their lanes below.
carry_out()

-- A batch whose jobs had all ended before its deadline, and that nobody sealed, ends now. One that has jobs left
-- ends with the last of them.
for _, batch in ipairs(redis.call('ZRANGEBYSCORE', batches_deadlines_key, '-inf', now, 'LIMIT', 0, most)) do
  if batch_of(batch) then note_ends(batch) end
  redis.call('ZREM', batches_deadlines_key, batch)
end

-- Dead letters past their retention, or too many, are deleted, the oldest first.
redis.call('ZREMRANGEBYSCORE', dead_key, '-inf', now - keep[2])
local excess = math.min(redis.call('ZCARD', dead_key) - most_dead, most)
if excess > 0 then
  for _, id in ipairs(redis.call('ZRANGE', dead_key, 0, excess - 1)) do
    redis.call('DEL', payload_key(id), said_key(id))
    redis.call('ZREM', dead_key, id)
  end
end

local found, resumed, more = {put_aside, ended, ended_batches}, {}, false
batch_portions(resumed)
for _, each in ipairs(lanes) do
  local lane, queue, again_queue = unpack(each)
  local announce, orphans = resumed[lane] or {}, {}
  if set_back then more = shorten_leases(lane) or more end
  -- Jobs that were running have waited the longest: they are announced first.
  expired_leases(lane, announce, orphans)
  due_jobs(lane, announce, orphans)
  lost_hints(lane, false, queue, announce, orphans)
  lost_hints(lane, true, again_queue, announce, orphans)
  local waiting = #announce + redis.call('LLEN', queue) + redis.call('LLEN', again_queue)
  if announce_owed(lane, waiting, now, grace_ms, most + #announce, announce) then
    local first, last = whole(SHARED), whole(REDELIVERED - 1)
    for _, id in ipairs((members(lane, 'queued', first, last, orphans))) do requeue(lane, id, announce) end
    carry_out()
  end
  found[#found + 1] = {announce, orphans}
end
if more then
  redis.call('HSET', sweeper_key, 'set_back', '1')
elseif set_back then
  redis.call('HDEL', sweeper_key, 'set_back')
end
return found
