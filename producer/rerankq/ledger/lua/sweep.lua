-- One tick of the reconciler: finds what fell on the floor and queues it again. Any number of
-- workers may call it; the first in an interval does the work, the others return at once.
-- @argument interval_ms number: from one sweep to the next
-- @argument lease_ms number: length of a lease
-- @argument grace_ms number: after which a hint counts as lost
-- @argument grace_again_ms number: the same for one that was published again
-- @argument most_deaths number: workers in a row that may die with a job before it is failed
-- @argument keep_result_ms number: how long a result is kept
-- @argument keep_dead_ms number: how long a dead letter is kept
-- @argument most_dead number: most dead letters
-- @argument most number: most jobs to move in a lane a tick
-- @argument worker text: its name, of this very process of its, or '' for somebody who is none
-- @argument lanes json: a list of [lane, key of its first Celery queue, key of the one for again]
-- @answer rows: the keys that were put aside, as they held something of another type; the jobs that were
-- ended, each as [id, lane, batch or '', state, attempts]; and then, for each lane: the ids to announce,
-- and those taken out of it because their records were missing or damaged. Nothing at all, not even
-- empty lists, when somebody else swept in this interval. Whoever calls it shows that it is alive. Safe
-- to repeat: what a lost answer named is found by its lost hints.
-- @include clock
-- @include ends
-- @include lines
-- @include workers/absences
-- @include workers/heard
-- @include sweep/foreign_keys
-- @constants CRASHED EXPIRED
-- @keys job payload said lane_set deadlines dead last_heard sweeper sweeping

local now, keep = now_ms(), {keep_result_ms, keep_dead_ms}

if worker ~= '' then hear(worker, now) end

-- One that outlasts the interval was set before the clock was: nobody sweeps under it.
if redis.call('PTTL', sweeping_key) > interval_ms then redis.call('DEL', sweeping_key) end
if not redis.call('SET', sweeping_key, '1', 'NX', 'PX', interval_ms) then return {} end

-- While Redis itself stood still, or nobody swept, nobody could renew either. Leases that ran
-- out in such a gap get the time of one more lease, or every running job would run twice.
local put_aside = put_foreign_keys_aside()
local last, lease_grace, set_back = unpack(
  redis.call('HMGET', sweeper_key, 'last', 'lease_grace', 'set_back'))
last, lease_grace = number(last), number(lease_grace)
if now - last > math.max(2 * interval_ms, lease_ms / 2) then lease_grace = now + lease_ms end
-- Where the last sweep lies ahead, the clock was set back since: no lease is to run for longer now.
if last > now then lease_grace, set_back = math.min(lease_grace, now + lease_ms), '1' end
redis.call('HSET', sweeper_key, 'last', whole(now), 'lease_grace', whole(lease_grace))

local KNOWN_MS = 24 * 3600 * 1000 -- who was silent for longer has been taken for dead long ago

local function tidy_workers()
  local known = math.max(KNOWN_MS, 2 * SILENT_LEASES * lease_ms)
  redis.call('ZREMRANGEBYSCORE', last_heard_key, '-inf', whole(now - known))
  if not set_back then return end
  -- What was heard at a time that lies ahead was heard before the clock was set back.
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', last_heard_key, '(' .. whole(now), '+inf')) do
    hear(name, now)
  end
end

-- Those of a lane's set whose records say so too, and their scores by id. The others leave it: they
-- cannot be served, and what is written to a record that is gone comes to life as a ghost.
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
    if job and job.state == state and job.lane == lane then
      found[#found + 1] = id
    else
      redis.call('ZREM', lane_set_key(lane, state), id)
      if not job then redis.call('DEL', job_key(id)) end
      -- Nobody will ask for it any more; an end that was cut short may have left it.
      if not job or not is_open(job.state) then
        redis.call('PEXPIRE', payload_key(id), keep[2])
      end
      orphans[#orphans + 1] = id
    end
  end
  return found, scores
end

local ended = {}

local function end_by_decree(id, job, state, reason, outcome)
  decree_end(id, job, state, reason, outcome, now, keep)
  ended[#ended + 1] = {id, job.lane, text(job.batch) or '', state, number(job.attempts)}
end

local function requeue(lane, from, id, announce)
  local job = known_of(id)
  job.state = 'queued'
  write_record(id)
  if from ~= 'queued' then gather('ZREM ' .. lane_set_key(lane, from), id) end
  gather('ZADD ' .. lane_set_key(lane, 'queued'), whole(next_place(lane, true, 1)), id)
  announce[#announce + 1] = id
end

-- A suspect's next claim may be its last, and a third worker's silence may be its death. Until that is
-- known the job rests: workers that somebody kills end close together, and one that was with two of
-- them by chance is not to be with the third as well.
local function rest(lane, id)
  local job = known_of(id)
  if job.state ~= 'scheduled' then gather('ZREM ' .. lane_set_key(lane, job.state), id) end
  job.state, job.due = 'scheduled', whole(now + SILENT_LEASES * lease_ms)
  write_record(id)
  gather('ZADD ' .. lane_set_key(lane, 'scheduled'), job.due, id)
end

-- What becomes of a job whose lease ran out, now or earlier. Nobody can be heard while Redis stood
-- still, so nobody is taken for dead in an lease_grace.
local function judge(lane, id, announce)
  local job = known_of(id)
  local away, dead = absences(job, now, lease_ms)
  if dead >= most_deaths and now >= lease_grace then
    end_by_decree(id, job, 'failed', 'crash_loop', CRASHED)
  elseif away >= most_deaths or away == most_deaths - 1 and job.state == 'running' then
    rest(lane, id)
  else
    requeue(lane, job.state, id, announce)
  end
end

-- Shortens leases that end later than any given out now would; says whether there may be more.
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
    requeue(lane, 'queued', id, announce)
  end
  carry_out()
end

tidy_workers()

local passed = redis.call('ZRANGEBYSCORE', deadlines_key, '-inf', now, 'LIMIT', 0, most)
read_records(passed)
for _, id in ipairs(passed) do
  local job = known_of(id)
  if job and is_open(job.state) then end_by_decree(id, job, 'expired', '', EXPIRED) end
  gather('ZREM ' .. deadlines_key, id)
end
-- At once: what has ended must not be found in its lane below.
carry_out()

-- Dead letters past their time or over their number go, the oldest first.
redis.call('ZREMRANGEBYSCORE', dead_key, '-inf', now - keep[2])
local excess = math.min(redis.call('ZCARD', dead_key) - most_dead, most)
if excess > 0 then
  for _, id in ipairs(redis.call('ZRANGE', dead_key, 0, excess - 1)) do
    redis.call('DEL', payload_key(id), said_key(id))
    redis.call('ZREM', dead_key, id)
  end
end

local found, more = {put_aside, ended}, false
for _, each in ipairs(lanes) do
  local lane, queue, again_queue = unpack(each)
  local announce, orphans = {}, {}
  if set_back then more = shorten_leases(lane) or more end
  -- What was under way has waited the longest: it is announced before what nobody has called yet.
  expired_leases(lane, announce, orphans)
  due_jobs(lane, announce, orphans)
  lost_hints(lane, false, queue, announce, orphans)
  lost_hints(lane, true, again_queue, announce, orphans)
  found[#found + 1] = {announce, orphans}
end
if more then
  redis.call('HSET', sweeper_key, 'set_back', '1')
elseif set_back then
  redis.call('HDEL', sweeper_key, 'set_back')
end
return found
