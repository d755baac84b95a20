-- Put before every script: the names of the keys, and the moves that several scripts make.
--
-- A job lives in these keys (all in one Redis: scripts build them from ids, so this is
-- no layout for Redis Cluster):
--   rerankq:job:<id>        string  the record: a small JSON object, so that one command reads or
--                                   writes those of many jobs
--   rerankq:payload:<id>    string  the job, until its end; longer for a failed one; see payload.py
--   rerankq:said:<id>       string  of a failed one: the upstream's last words, kept as its payload
--   celery-task-meta-<id>   string  the result, in the format of Celery's result backend
--   rerankq:staged:<id>     string  a result in the transaction that brings it, until `finish`
--                                   puts it in its place
-- A script must not touch payloads and results without need: Lua hashes every byte of every string
-- that it meets, so they go past the scripts, as commands of the same transaction or round trip.
-- and, until its end, in exactly one of these sorted sets of its lane:
--   rerankq:<lane>:queued     by its place in the order of announcement; what is announced again
--                             waits in a Celery queue and an order of its own: its places are
--                             those from AGAIN on
--   rerankq:<lane>:scheduled  by the time in ms from which it may be queued again
--   rerankq:<lane>:running    by the time in ms at which its lease ends
-- Beside them:
--   rerankq:<lane>                hash    sequence (last place given), claimed (newest place
--                                         claimed), mark and mark_at (the watermark, its time),
--                                         idle_at and idle_sequence (since when the Celery queue
--                                         is empty, the last place then), lost (the place up to
--                                         which hints are known to be lost)
--   rerankq:<lane>:again          hash    the same of what is announced again, from AGAIN on
--   rerankq:deadlines             zset    jobs with a deadline, by its time in ms
--   rerankq:dead                  zset    failed jobs whose payload is kept, by their end in ms
--   rerankq:idempotency:<key>     hash    the job that the key belongs to
--   rerankq:batch:<id>            hash    counts of a batch, whether it is sealed, fed: the last sign
--                                         of life from whoever fills it, and collected: its results
--                                         were written, and need not wait for it any more
--   rerankq:batch:<id>:entries    list    its jobs, '<id>' or '<id> <custom_id>', and rejected lines,
--                                         in order
--   rerankq:sweeper               hash    when the reconciler last swept, its amnesty, and set_back
--                                         while leases are shortened, as the clock was set back
--   rerankq:sweeping              string  held by whoever sweeps in this interval
--   rerankq:workers               zset    workers, by the time in ms at which they were last heard of
--   rerankq:account:<name>        hash    what all workers together know of an account with the
--                                         upstream: permits saved up, rate found, breaker; see allot
--   rerankq:account:<name>:workers  zset  its workers, by the time at which they count as gone;
--                                         also by lane, as rerankq:account:<name>:workers:<lane>
--   rerankq:account:<name>:slots    hash  calls in flight that each may have
--   rerankq:account:<name>:answers  hash  what each was given last
--   rerankq:accounts              set     the names of all accounts
--   rerankq:circuits              hash    keys, models and accounts that may not be used now: JSON
--   rerankq:poison                list    messages that were no hints, the newest first
--   rerankq:poison:counts         hash    how many there were, by fault
--   rerankq:poison:told:<random>  string  there for a minute from when one was put aside
-- Times are Redis' own, in ms since the epoch: no client's clock decides anything.

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function whole(value) return string.format('%.0f', value) end

local WORKERS = 'rerankq:workers'
-- A worker has shown that it is alive. Where that cannot be noted it goes on: no job is lost by it.
local function hear(worker, now) redis.pcall('ZADD', WORKERS, whole(now), worker) end

local function job_key(id) return 'rerankq:job:' .. id end
local function payload_key(id) return 'rerankq:payload:' .. id end
local function result_key(id) return 'celery-task-meta-' .. id end
local function staged_key(id) return 'rerankq:staged:' .. id end
local AGAIN = 2 ^ 52
local function line_key(lane, again) return 'rerankq:' .. lane .. (again and ':again' or '') end
local function lane_set(lane, state) return 'rerankq:' .. lane .. ':' .. state end
local function idempotency_key(key) return 'rerankq:idempotency:' .. key end
local function batch_key(id) return 'rerankq:batch:' .. id end
local function is_batch(id) return redis.call('TYPE', batch_key(id)).ok == 'hash' end
local function account_keys(name)
  local key = 'rerankq:account:' .. name
  return key, key .. ':workers', key .. ':slots'
end
local function retention(at) return {tonumber(ARGV[at]), tonumber(ARGV[at + 1])} end
-- What a field says, 0 where it is not there or says no number that a field of ours would.
local function number(field)
  local found = tonumber(field)
  return found and found > -2 ^ 53 and found < 2 ^ 53 and found or 0
end
-- What a field says, nil where it is not there or says no text.
local function text(field) return type(field) == 'string' and field or nil end

-- The first of the next `count` places in an order of announcement.
local function next_place(lane, again, count)
  local last = redis.call('HINCRBY', line_key(lane, again), 'sequence', count)
  return (again and AGAIN or 0) + last - count + 1
end

-- Whether a job in that state has its end still before it.
local function is_open(state)
  return state == 'queued' or state == 'scheduled' or state == 'running'
end

-- Runs `body`; where that fails, `undo`, before the failure goes on: a script that fails half-way is
-- not taken back.
local function undoing(body, undo)
  local sound, answer = pcall(body)
  if sound then return answer end
  undo()
  error(answer, 0)
end

-- What a script says of many jobs in the same words goes out as few commands: each costs Redis, and
-- its append-only file, more than what it says. In the order in which they were first gathered.
local gathered, order, counted = {}, {}, {}

local function gather(head, first, second)
  local pending = gathered[head]
  if not pending then
    pending = {}
    gathered[head] = pending
    order[#order + 1] = head
  end
  pending[#pending + 1] = first
  if second then pending[#pending + 1] = second end
end

-- One job more of a batch that came to that end.
local function count_end(batch, state)
  counted[batch] = counted[batch] or {}
  counted[batch][state] = (counted[batch][state] or 0) + 1
end

local function carry_out()
  for _, head in ipairs(order) do
    local command, key = string.match(head, '^(%u+) ?(.*)$')
    local pending = gathered[head]
    -- In portions, as Lua's stack bounds the arguments of a call; an even number keeps pairs whole.
    for at = 1, #pending, 1000 do
      local last = math.min(at + 999, #pending)
      if key == '' then
        redis.call(command, unpack(pending, at, last))
      else
        redis.call(command, key, unpack(pending, at, last))
      end
    end
  end
  for batch, ends in pairs(counted) do
    if is_batch(batch) then
      -- A count that is none any more must not cost others their end.
      for state, ended in pairs(ends) do redis.pcall('HINCRBY', batch_key(batch), state, ended) end
    end
  end
  gathered, order, counted = {}, {}, {}
end

local STATES = {queued = true, scheduled = true, running = true,
  succeeded = true, failed = true, cancelled = true, expired = true}
local LANES = {bulk = true, interactive = true}

-- The jobs that this script has to do with, by id: what their records say, with what the script
-- itself changed since. Where there is no record, or none that says where the job stands, stands
-- false: one damaged job must not stop those that a script handles with it. For the same reason no
-- field is taken for what it should be: `number` and `text` say whether it is.
local known = {}

local function decoded(stored)
  if not stored then return false end
  local sound, job = pcall(cjson.decode, stored)
  return sound and type(job) == 'table' and STATES[job.state] and LANES[job.lane] and job
end

-- A record as it is stored. JSON has no word for numbers without an end: where one stands in a
-- record, directly or deeper, that field goes. Not looked for first: that costs more than all this.
local function encoded(job)
  local sound, stored = pcall(cjson.encode, job)
  if sound then return stored end
  for field, value in pairs(job) do
    if type(value) ~= 'string' and not pcall(cjson.encode, {value}) then job[field] = nil end
  end
  return cjson.encode(job)
end

-- Reads the records of those jobs. To be called first, for all that a script handles.
local function read_records(ids)
  for first = 1, #ids, 1000 do
    local keys = {}
    for at = first, math.min(first + 999, #ids) do keys[#keys + 1] = job_key(ids[at]) end
    for at, stored in ipairs(redis.call('MGET', unpack(keys))) do
      known[ids[first + at - 1]] = decoded(stored)
    end
  end
end

-- What is known of a job, false when it has no record.
local function known_of(id) return known[id] end

-- Gathers the writing of a job's record as it is now.
local function write_record(id) gather('MSET', job_key(id), encoded(known[id])) end

-- Hints are first in, first out. So a queued job is known to have lost its hint when a job
-- announced after it has been claimed for a while; in a deep backlog nothing is newer and
-- claimed, so nothing is announced twice. Each Celery queue of a lane has a watermark of its own:
-- one that is served quickly says nothing about the other.
local function advance_watermark(lane, place)
  local again = place >= AGAIN
  local sequence = again and place - AGAIN or place
  local claimed = number(redis.call('HGET', line_key(lane, again), 'claimed'))
  if sequence > claimed then
    redis.call('HSET', line_key(lane, again), 'claimed', whole(sequence))
  end
end

-- The first and the last place of those queued jobs that have lost their hints: up to the
-- watermark of `grace` ms ago, or, when no message has been waiting for that long, all there were
-- then. It never falls, as what is announced again gets a higher place: so many can be moved tick
-- by tick.
local function lost_places(lane, again, waiting, now, grace)
  local key, first = line_key(lane, again), again and AGAIN or 0
  local claimed, mark, mark_at, idle_at, idle_sequence, sequence, known = unpack(
    redis.call('HMGET', key, 'claimed', 'mark', 'mark_at', 'idle_at', 'idle_sequence', 'sequence',
      'lost'))
  -- Of a time ahead nothing is known but that the clock was set back since: it begins anew.
  if number(mark_at) > now then mark, mark_at = 0, 0 end
  if number(idle_at) > now then idle_at = false end
  local below = number(known)
  if now - number(mark_at) >= grace then
    below = math.max(below, number(mark))
    redis.call('HSET', key, 'mark', claimed or 0, 'mark_at', whole(now))
  end
  local last = whole(first + number(sequence))
  local queued = redis.call('ZCOUNT', lane_set(lane, 'queued'), whole(first), last)
  if waiting > 0 or queued == 0 then
    redis.call('HDEL', key, 'idle_at', 'idle_sequence')
  elseif not idle_at then
    redis.call('HSET', key, 'idle_at', whole(now), 'idle_sequence', sequence or 0)
  elseif now - number(idle_at) >= grace then
    below = math.max(below, number(idle_sequence))
    redis.call('HDEL', key, 'idle_at', 'idle_sequence')
  end
  if below > 0 then redis.call('HSET', key, 'lost', whole(below)) end
  return whole(first), whole(first + below)
end

-- Celery's date_done: an ISO 8601 UTC time with microseconds.
local function iso_time(ms)
  local seconds = math.floor(ms / 1000)
  local days = math.floor(seconds / 86400)
  local rest = seconds - days * 86400
  -- The civil date, counting in eras of 400 years that begin in March of year 0.
  local era_day = days + 719468
  local era = math.floor(era_day / 146097)
  local day_of_era = era_day - era * 146097
  local year_of_era = math.floor((day_of_era - math.floor(day_of_era / 1460)
    + math.floor(day_of_era / 36524) - math.floor(day_of_era / 146096)) / 365)
  local day_of_year = day_of_era - (365 * year_of_era + math.floor(year_of_era / 4)
    - math.floor(year_of_era / 100))
  local march_month = math.floor((5 * day_of_year + 2) / 153)
  local day = day_of_year - math.floor((153 * march_month + 2) / 5) + 1
  local month = march_month < 10 and march_month + 3 or march_month - 9
  local year = year_of_era + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%06d+00:00', year, month, day,
    math.floor(rest / 3600), math.floor(rest / 60) % 60, rest % 60, (ms % 1000) * 1000)
end

-- Adds entries to a batch, if there is one: the list lives as long as the batch's record.
local function add_to_batch(batch, entries)
  local left = redis.call('PTTL', batch_key(batch))
  if left < 0 then return false end
  redis.call('HINCRBY', batch_key(batch), 'total', #entries)
  redis.call('HSET', batch_key(batch), 'fed', whole(now_ms()))
  if redis.call('RPUSH', batch_key(batch) .. ':entries', unpack(entries)) == #entries then
    redis.call('PEXPIRE', batch_key(batch) .. ':entries', left)
  end
  return true
end

-- Until when a batch waits for the results of its jobs, in ms; 0 where it was collected, or there is none.
local batch_ends = {}
local function batch_end(batch, now)
  if not text(batch) then return 0 end
  if not batch_ends[batch] then
    local collected = redis.pcall('HGET', batch_key(batch), 'collected')
    local left = collected and 0 or redis.call('PTTL', batch_key(batch))
    batch_ends[batch] = left > 0 and now + left or 0
  end
  return batch_ends[batch]
end

-- Until when a job's result is kept, in ms: from now on for its retention, and as long as a batch waits
-- for it: its own, or the last that took it in later. `but`: a batch that waits no more.
local function result_end(job, now, keep, but)
  local ends = now + keep[1]
  for _, batch in ipairs({job.batch or '', job.adopted}) do
    if batch ~= but then ends = math.max(ends, batch_end(batch, now)) end
  end
  return ends
end

-- Until when its record is kept: longer than the result, so that "expired" can be told from "never was".
local function record_end(state, now, result_ends, keep)
  local ends = result_ends + keep[1]
  return state == 'failed' and math.max(ends, now + keep[2]) or ends
end

-- Moves a job to its end; its leaving its lane is gathered. The caller has made sure that the job has
-- no end yet, and sees to its result, which it keeps until the time returned. `reason` is the error's
-- code, or ''; `keep` is {ms for results, ms for dead letters}.
local function end_job(id, job, state, reason, now, keep)
  local ends = result_end(job, now, keep)
  gather('ZREM ' .. lane_set(job.lane, job.state), id)
  -- Why it waited: from now on its result says how it ended.
  job.state, job.finished, job.failure = state, now, nil
  if state == 'failed' then
    job.reason = reason
    -- A dead letter: kept with its payload, so that it can be looked at and replayed.
    redis.call('ZADD', 'rerankq:dead', now, id)
    redis.call('PEXPIREAT', payload_key(id), whole(now + keep[2]))
  else
    gather('DEL', payload_key(id))
  end
  if job.deadline then gather('ZREM rerankq:deadlines', id) end
  local kept = whole(record_end(state, now, ends, keep))
  redis.call('SET', job_key(id), encoded(job), 'PXAT', kept)
  local key, batch = text(job.idempotency), text(job.batch)
  -- Another job may have the key by now, where it was gone. A key of another type is nobody's.
  if key and redis.pcall('HGET', idempotency_key(key), 'id') == id then
    redis.call('PEXPIREAT', idempotency_key(key), kept)
  end
  if batch then count_end(batch, state) end
  return ends
end

-- The same where the ledger itself decides on the end, with the result that says so, and tells
-- whoever waits. `outcome` is the tail of the result: '"status":…,"result":…}'.
local function decree_end(id, job, state, reason, outcome, now, keep)
  local result = '{"task_id":"' .. id .. '","date_done":"' .. iso_time(now)
    .. '","traceback":null,"children":[],' .. outcome
  local ends = end_job(id, job, state, reason, now, keep)
  redis.call('SET', result_key(id), result, 'PXAT', whole(ends))
  redis.call('PUBLISH', result_key(id), result)
end

-- The outcomes that the ledger itself decides on, as Celery's backend spells them.
local CANCELLED = '"status":"REVOKED","result":{"exc_type":"JobCancelled",'
  .. '"exc_module":"rerankq.errors","exc_message":["cancelled","the job was cancelled"]}}'
local EXPIRED = '"status":"FAILURE","result":{"exc_type":"JobExpired",'
  .. '"exc_module":"rerankq.errors","exc_message":["deadline_passed",'
  .. '"the deadline of the job passed before it was done"]}}'
