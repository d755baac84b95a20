-- Put before every script: the names of the keys, and the moves that several scripts make.
--
-- A job lives in these keys (all in one Redis: scripts build them from ids, so this is
-- no layout for Redis Cluster):
--   rerankq:job:<id>        hash    the record: small fields only, so that Redis keeps it compact
--   rerankq:payload:<id>    string  the job as JSON, until its end; longer for a failed one
--   celery-task-meta-<id>   string  the result, in the format of Celery's result backend
-- and, until its end, in exactly one of these sorted sets of its lane:
--   rerankq:<lane>:queued     by sequence number: the order of announcement
--   rerankq:<lane>:scheduled  by the time in ms from which it may be queued again
--   rerankq:<lane>:running    by the time in ms at which its lease ends
-- Beside them:
--   rerankq:<lane>                hash    sequence (last place given), claimed (newest place
--                                         claimed), mark and mark_at (the watermark, its time),
--                                         idle_at and idle_sequence (since when the Celery queues
--                                         is empty, the last place then), lost (the place up to
--                                         which hints are known to be lost)
--   rerankq:deadlines             zset    jobs with a deadline, by its time in ms
--   rerankq:dead                  zset    failed jobs whose payload is kept, by their end in ms
--   rerankq:idempotency:<key>     hash    the job that the key belongs to
--   rerankq:batch:<id>            hash    counts of a batch, whether it is sealed, and fed: the
--                                         last sign of life from whoever fills it
--   rerankq:batch:<id>:entries    list    its job ids and rejected lines, in order
--   rerankq:sweeper               hash    when the reconciler last swept, and its amnesty
--   rerankq:sweeping              string  held by whoever sweeps in this interval
--   rerankq:account:<name>        hash    what all workers together know of an account with the
--                                         upstream: permits saved up, rate found, breaker; see allot
--   rerankq:account:<name>:workers  zset  its workers, by the time at which they count as gone;
--                                         also by lane, as rerankq:account:<name>:workers:<lane>
--   rerankq:account:<name>:slots    hash  calls in flight that each may have
--   rerankq:accounts              set     the names of all accounts
--   rerankq:circuits              hash    keys, models and accounts that may not be used now: JSON
--   rerankq:poison                list    messages that were no hints, the newest first
--   rerankq:poison:counts         hash    how many there were, by fault
-- Times are Redis' own, in ms since the epoch: no client's clock decides anything.

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function job_key(id) return 'rerankq:job:' .. id end
local function payload_key(id) return 'rerankq:payload:' .. id end
local function result_key(id) return 'celery-task-meta-' .. id end
local function lane_key(lane) return 'rerankq:' .. lane end
local function lane_set(lane, state) return 'rerankq:' .. lane .. ':' .. state end
local function idempotency_key(key) return 'rerankq:idempotency:' .. key end
local function batch_key(id) return 'rerankq:batch:' .. id end
local function account_keys(name)
  local key = 'rerankq:account:' .. name
  return key, key .. ':workers', key .. ':slots'
end
local function retention(at) return {tonumber(ARGV[at]), tonumber(ARGV[at + 1])} end
local function whole(number) return string.format('%.0f', number) end

-- The next number in the lane's order of announcement.
local function next_sequence(lane)
  return redis.call('HINCRBY', lane_key(lane), 'sequence', 1)
end

-- The lane of a job that the holder of `token` is running, else nil.
local function held_lane(id, token)
  local state, claims, lane = unpack(redis.call('HMGET', job_key(id), 'state', 'claims', 'lane'))
  return state == 'running' and claims == token and lane or nil
end

-- Hints are first in, first out. So a queued job is known to have lost its hint when a job
-- announced after it has been claimed for a while; in a deep backlog nothing is newer and
-- claimed, so nothing is announced twice.
local function advance_watermark(lane, sequence)
  local claimed = tonumber(redis.call('HGET', lane_key(lane), 'claimed') or 0)
  if sequence > claimed then redis.call('HSET', lane_key(lane), 'claimed', sequence) end
end

-- Sequence number up to which queued jobs have lost their hints: the watermark of `grace` ms
-- ago, or, when no message has been waiting for that long, all there were then. It never
-- falls, as what is announced again gets a higher number: so many can be moved tick by tick.
local function lost_below(lane, waiting, now, grace)
  local claimed, mark, mark_at, idle_at, idle_sequence, sequence, known = unpack(
    redis.call('HMGET', lane_key(lane), 'claimed', 'mark', 'mark_at', 'idle_at', 'idle_sequence',
      'sequence', 'lost'))
  local below = tonumber(known or 0)
  if now - tonumber(mark_at or 0) >= grace then
    below = math.max(below, tonumber(mark or 0))
    redis.call('HSET', lane_key(lane), 'mark', claimed or 0, 'mark_at', whole(now))
  end
  if waiting > 0 or redis.call('ZCARD', lane_set(lane, 'queued')) == 0 then
    redis.call('HDEL', lane_key(lane), 'idle_at', 'idle_sequence')
  elseif not idle_at then
    redis.call('HSET', lane_key(lane), 'idle_at', whole(now), 'idle_sequence', sequence)
  elseif now - tonumber(idle_at) >= grace then
    below = math.max(below, tonumber(idle_sequence))
    redis.call('HDEL', lane_key(lane), 'idle_at', 'idle_sequence')
  end
  if below > 0 then redis.call('HSET', lane_key(lane), 'lost', whole(below)) end
  return below
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

-- Adds an entry to a batch, if there is one: the list lives as long as the batch's record.
local function add_to_batch(batch, entry)
  local left = redis.call('PTTL', batch_key(batch))
  if left < 0 then return false end
  redis.call('HINCRBY', batch_key(batch), 'total', 1)
  redis.call('HSET', batch_key(batch), 'fed', whole(now_ms()))
  if redis.call('RPUSH', batch_key(batch) .. ':entries', entry) == 1 then
    redis.call('PEXPIRE', batch_key(batch) .. ':entries', left)
  end
  return true
end

-- Moves a job from a state to its end, and tells whoever waits. The caller has made sure
-- that the job has no end yet. `reason` is the error's code, or ''; `outcome` is the tail of
-- the result: '"status":…,"result":…}'. `keep` is {ms for results, ms for dead letters}.
local function end_job(id, lane, from, state, reason, outcome, now, keep)
  local ttl, kept = keep[1], 2 * keep[1]
  local batch, idempotency, deadline = unpack(
    redis.call('HMGET', job_key(id), 'batch', 'idempotency', 'deadline'))
  local result = '{"task_id":"' .. id .. '","date_done":"' .. iso_time(now)
    .. '","traceback":null,"children":[],' .. outcome
  redis.call('HSET', job_key(id), 'state', state, 'finished', whole(now))
  redis.call('ZREM', lane_set(lane, from), id)
  redis.call('SET', result_key(id), result, 'PX', ttl)
  redis.call('PUBLISH', result_key(id), result)
  if state == 'failed' then
    -- A dead letter: kept with its payload, so that it can be looked at and replayed.
    redis.call('HSET', job_key(id), 'reason', reason)
    redis.call('ZADD', 'rerankq:dead', now, id)
    redis.call('PEXPIRE', payload_key(id), keep[2])
    kept = math.max(kept, keep[2])
  else
    redis.call('DEL', payload_key(id))
  end
  if deadline then redis.call('ZREM', 'rerankq:deadlines', id) end
  -- The record outlives the result, so that "expired" can be told from "never was".
  redis.call('PEXPIRE', job_key(id), kept)
  if idempotency then redis.call('PEXPIRE', idempotency_key(idempotency), kept) end
  if batch and redis.call('EXISTS', batch_key(batch)) == 1 then
    redis.call('HINCRBY', batch_key(batch), state, 1)
  end
end

-- The outcomes that the ledger itself decides on, as Celery's backend spells them.
local CANCELLED = '"status":"REVOKED","result":{"exc_type":"JobCancelled",'
  .. '"exc_module":"rerankq.errors","exc_message":["cancelled","the job was cancelled"]}}'
local EXPIRED = '"status":"FAILURE","result":{"exc_type":"JobExpired",'
  .. '"exc_module":"rerankq.errors","exc_message":["deadline_passed",'
  .. '"the deadline of the job passed before it was done"]}}'
