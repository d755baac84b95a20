-- What Redis holds of an account with the upstream, and of the workers that use it.
-- Uses the arguments account, worker and report.
-- Defines now, is_interactive (whether the report is for interactive work), state (the account's record;
-- each file says which fields are its own), limits (those that are known), elapsed (ms since the exchange
-- before), present (workers that use the account), others (these without the reporting one), active
-- (present, at least one) and peers (those of the reporting lane, at least one), by which lots are divided,
-- idle_ms (ms since any worker's last exchange, for an observer).
-- Fields of the record: at (the last exchange), ranked (the endpoint that gave the last ranking), born,
-- limits, named (each set of limits that a worker named lately, and when), held (slots that all workers
-- hold together), bulk_at and interactive_at (when a lane last wanted permits).
-- @defines KEPT_MS now is_interactive slots_key answers_key state elapsed idle_ms limits present others
-- @defines active peers leave store
-- @include clock
-- @include values
-- @keys account account_workers account_lane account_slots account_answers accounts

local GONE_MS = 6000       -- a worker that is silent for this long is gone, and holds no slots
local NAMED_MS, MOST_NAMED = 60000, 8  -- limits that no worker has named for this long do not count
KEPT_MS = 7 * 24 * 3600 * 1000
-- Fields of the record that come and go.
local PASSING = {'mode', 'mode_since', 'reopens', 'step', 'ceiling', 'slots_found', 'trial_at', 'compared_rate',
  'pause_since', 'cause', 'well_by', 'well_at', 'other_by', 'other_at', 'lost_by', 'lost_at',
  'withheld', 'cut_off', 'served', 'keys_refused'}

now = now_ms()
is_interactive = report.lane == 'interactive'
local key, workers_key = account_key(account), account_workers_key(account)
slots_key = account_slots_key(account)
answers_key = account_answers_key(account) -- each worker's last answer, in case it does not arrive
local function peers_key(lane) return account_lane_key(account, lane) end

local function held_by_all()
  local held = 0
  for _, slots in ipairs(redis.call('HVALS', slots_key)) do held = held + tonumber(slots) end
  return held
end

-- First, because a key of another type ends this script, and the reconciler looks for such keys only in the
-- accounts that are named here.
if worker ~= '' then redis.call('SADD', accounts_key, account) end

state = {}
local stored = redis.call('HGETALL', key)
for at = 1, #stored, 2 do state[stored[at]] = tonumber(stored[at + 1]) or stored[at + 1] end

-- The lowest of each limit that workers name. In the middle of a deployment they may be configured with
-- different ones: then none of them is exceeded. Equal sets of limits are kept once.
local function limits_of_all()
  if worker == '' then return state.limits and cjson.decode(state.limits) or {} end
  local named, oldest = state.named and cjson.decode(state.named) or {}, nil
  local mine = report.limits
  named[string.format('%s/%s/%s', mine.rpm or '', mine.tpm or '', mine.concurrency or '')] = now
  local lowest, count = {}, 0
  for text, at in pairs(named) do
    if now - at > NAMED_MS then
      named[text] = nil
    else
      local rpm, tpm, concurrency = string.match(text, '^(.-)/(.-)/(.-)$')
      for name, value in pairs({rpm = rpm, tpm = tpm, concurrency = concurrency}) do
        local known = tonumber(value)
        if known then lowest[name] = math.min(known, lowest[name] or known) end
      end
      count = count + 1
      if not oldest or at < named[oldest] then oldest = text end
    end
  end
  if count > MOST_NAMED then named[oldest] = nil end
  state.named, state.limits = cjson.encode(named), cjson.encode(lowest)
  return lowest
end

-- An account that is new, or whose keys somebody deleted, starts with one permit.
elapsed = math.max(0, now - (state.at or now))
idle_ms = worker == '' and elapsed or 0
limits = limits_of_all()
state.level, state.born = state.level or 1, state.born or now
-- Somebody may have deleted the slots: then none are held.
if redis.call('EXISTS', slots_key) == 0 or not state.held then state.held = held_by_all() end
state.at = now

local function forget(name)
  redis.call('HDEL', slots_key, name)
  redis.call('HDEL', answers_key, name)
  for _, each in ipairs({workers_key, peers_key('bulk'), peers_key('interactive')}) do
    redis.call('ZREM', each, name)
  end
end

local function forget_silent_workers()
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', workers_key, '-inf', now)) do
    local slots = tonumber(redis.call('HGET', slots_key, name) or 0)
    state.held = math.max(0, state.held - slots)
    -- An observer may not forget a worker: it does not store that fewer slots are held.
    if worker ~= '' then forget(name) end
  end
end

forget_silent_workers()
if worker ~= '' and (report.want > 0 or report.in_flight > 0) then
  redis.call('ZADD', workers_key, now + GONE_MS, worker)
  redis.call('ZADD', peers_key(report.lane), now + GONE_MS, worker)
end
present = redis.call('ZCOUNT', workers_key, '(' .. now, '+inf')
others = present - (redis.call('ZSCORE', workers_key, worker) and 1 or 0)
active = math.max(1, present)
-- Workers of the same lane: they take turns.
peers = math.max(1, redis.call('ZCOUNT', peers_key(report.lane), '(' .. now, '+inf'))

function leave()
  local mine = tonumber(redis.call('HGET', slots_key, worker) or 0)
  state.held = math.max(0, state.held - mine)
  forget(worker)
end

function store()
  local gone = {}
  for _, name in ipairs(PASSING) do
    if not state[name] then gone[#gone + 1] = name end
  end
  if #gone > 0 then redis.call('HDEL', key, unpack(gone)) end
  local fields = {}
  for name, value in pairs(state) do
    fields[#fields + 1] = name
    fields[#fields + 1] = type(value) == 'number' and string.format('%.6f', value) or value
  end
  redis.call('HSET', key, unpack(fields))
  redis.call('PEXPIRE', key, KEPT_MS)
  redis.call('PEXPIRE', workers_key, KEPT_MS)
  redis.call('PEXPIRE', slots_key, KEPT_MS)
  redis.call('PEXPIRE', peers_key(report.lane), KEPT_MS)
end
