-- An exchange between a worker and an account with the upstream: the worker tells what it did with
-- its last lot of permits, and is given the next. All workers of an account meet here, so what is
-- given out to all of them together keeps to the account's limits.
-- ARGV: 1 account, 2 the worker's name, or '' for somebody who only looks, 3 report (JSON):
--   lane       whose work it is: 'interactive' goes first
--   limits     {rpm, tpm, concurrency}: a minute and at once, as far as they are known
--   want, want_tokens, want_slots   calls to begin, their tokens, and calls to have in flight
--   left, left_tokens       what was given and not used; tokens may be overdrawn
--   began, retries          calls begun since the last exchange, and how many were retries
--   in_flight               calls under way
--   ok, throttled, trouble  answers; 429s and their disguises; points of failure (see BREAK_POINTS)
--   pause_ms   how long the upstream asks everyone to wait, or 0
--   probe_ok   whether a call that was a probe succeeded
-- Returns JSON: permits, tokens, slots (null without a limit), retries, ask_ms (when to come again),
--   mode ('open', 'throttled' or 'broken'), probe (whether the permit is for a probe), wait_ms
--   (until something is given out again), rate (calls a second at present), limited (whether the
--   rate holds anybody up), limits, workers (of the lane; all, for who only looks), in_flight, now, and closed (the circuits that are,
--   by name).

local PACE = 0.99          -- of a known limit: clocks and networks spread what was given out evenly
local LOT_SECONDS = 0.5    -- most that piles up unused: the lot by which a limit can be passed
local BULK_SHARE = 0.1     -- of the rate that stays with bulk, however much is interactive
local LANE_MS = 3000       -- a lane that asked this recently counts as busy: over MOST_ASK_MS
local START_RATE = 100     -- calls a second that an unknown upstream is first trusted with
local LEAST_RATE = 0.2
local SHARE_CALLS = 40
local CROWDED, ROOMY = 0.95, 1.4        -- of the rate: with less, it is something else that holds the work up
local FLOW_MS, TROUBLE_MS, LONG_MS = 500, 10000, 60000  -- time constants of the averages
-- After a 429 the rate follows the curve of CUBIC (RFC 9438): a step down, flat around the level
-- that was too much, and then ever steeper. It is back there after K seconds, twice there at 9.
local K, STEEP = 3, 0.00463
local STRAY, STRAY_MS, STAY = 0.01, 6000, 1            -- a share that is no more than finding the limit out costs
local SETTLE_MS, HEAVY = 300, 0.25      -- answers to calls from before a step down say nothing about it
local FLOOD, FLOOD_COUNT = 0.8, 4      -- nearly everything is throttled: stop, and probe
-- Throttled for so long: a window is used up. It bears what it bore on the average, and is passed
-- unnoticed until the next is used up: so the rate climbs more slowly for a while.
local WINDOW_MS, WINDOW_KEPT_MS, SLOWLY = 5000, 600000, 8
local PROBE_MS, MOST_PROBE_MS = 1000, 5000
local BREAK_POINTS, BREAK_SHARE = 10, 0.5
local BREAK_PROBE_MS = 5000
local SHORT_PAUSE_MS = 2000
local RETRY_SHARE, FIRST_RETRIES, MOST_RETRIES = 0.2, 20, 200
local RETRIES_A_SECOND = 1 -- else nothing could succeed any more where only retries are left
local LOT_CALLS, LEAST_ASK_MS, MOST_ASK_MS = 12, 100, 2000
local KNOWN_TURN_SECONDS, TURN_SECONDS = 2, 1  -- what was found out may be wrong: soon told
local LOT_SHARE = 1.5      -- of a lot that one worker may have, so that the next finds some too
local GONE_MS = 6000       -- a worker that is silent this long holds nothing any more
local KEPT_MS = 7 * 24 * 3600 * 1000

local now = now_ms()
local account, worker, report = ARGV[1], ARGV[2], cjson.decode(ARGV[3])
local key, workers_key, slots_key = account_keys(account)
local function peers_key(lane) return workers_key .. ':' .. lane end

local function held_by_all()
  local held = 0
  for _, slots in ipairs(redis.call('HVALS', slots_key)) do held = held + tonumber(slots) end
  return held
end

local state = {}
local stored = redis.call('HGETALL', key)
for at = 1, #stored, 2 do state[stored[at]] = tonumber(stored[at + 1]) or stored[at + 1] end
-- An account that nobody knows, or whose keys somebody deleted, starts with one permit.
local elapsed = math.max(0, now - (state.at or now))
if worker ~= '' then state.limits = cjson.encode(report.limits) end
local limits = state.limits and cjson.decode(state.limits) or {}
state.level, state.born = state.level or 1, state.born or now
-- Slots that somebody deleted are held by nobody.
if redis.call('EXISTS', slots_key) == 0 or not state.held then state.held = held_by_all() end
state.at = now

local function forget(name)
  redis.call('HDEL', slots_key, name)
  for _, each in ipairs({workers_key, peers_key('bulk'), peers_key('interactive')}) do
    redis.call('ZREM', each, name)
  end
end

local function forget_silent_workers()
  for _, name in ipairs(redis.call('ZRANGEBYSCORE', workers_key, '-inf', now)) do
    local slots = tonumber(redis.call('HGET', slots_key, name) or 0)
    state.held = math.max(0, state.held - slots)
    -- Who only looks may not forget: nobody would store that fewer slots are held.
    if worker ~= '' then forget(name) end
  end
end

forget_silent_workers()
if worker ~= '' and (report.want > 0 or report.in_flight > 0) then
  redis.call('ZADD', workers_key, now + GONE_MS, worker)
  redis.call('ZADD', peers_key(report.lane), now + GONE_MS, worker)
end
local active = math.max(1, redis.call('ZCOUNT', workers_key, '(' .. now, '+inf'))
-- Those of the same lane: they take turns.
local peers = math.max(1, redis.call('ZCOUNT', peers_key(report.lane), '(' .. now, '+inf'))

local function faded(name, constant)
  return (state[name] or 0) * math.exp(-elapsed / constant)
end

-- Answers are counted over some dozens of calls: of fewer, a single 429 would be a large share.
local function share_ms()
  return math.max(500, math.min(3000, 1000 * SHARE_CALLS / (state.ceiling or START_RATE)))
end

local function count_answers()
  state.began = faded('began', FLOW_MS) + report.began
  local share_ms = share_ms()
  state.ok = faded('ok', share_ms) + report.ok
  state.long = faded('long', LONG_MS) + report.ok
  state.ok_long = faded('ok_long', STRAY_MS) + report.ok
  state.throttled_long = faded('throttled_long', STRAY_MS) + report.throttled
  state.throttled = faded('throttled', share_ms) + report.throttled
  state.well = faded('well', TROUBLE_MS) + report.ok
  state.trouble = faded('trouble', TROUBLE_MS) + report.trouble
  state.retries = math.min(MOST_RETRIES, (state.retries or FIRST_RETRIES)
    + RETRY_SHARE * report.ok + RETRIES_A_SECOND * elapsed / 1000 - report.retries)
end

-- What was counted, a second; a young account's average has not had the time to rise.
local function a_second(counted, constant)
  local share = 1 - math.exp(-math.max(LEAST_ASK_MS, now - state.born) / constant)
  return counted / (constant / 1000) / share
end

local function flow() return a_second(state.began, FLOW_MS) end

-- What was borne within the last minutes is borne again, also after a moment in which less came.
local function remember_flow() state.proven = math.max(faded('proven', LONG_MS), flow()) end

local function known_rate()
  local rpm = limits.rpm
  return rpm and math.min(PACE * rpm, math.max(rpm - 1, rpm / 2)) / 60
end

-- Calls a second: the known limit, and what was found out by being throttled.
local function rate()
  local known = known_rate() or math.huge
  if not state.ceiling then
    if known < math.huge then return known end
    return math.max(START_RATE, 2 * flow(), state.before or 0, state.proven)
  end
  local slowly = now - (state.window_at or 0) < WINDOW_KEPT_MS and SLOWLY or 1
  local seconds = (now - state.since) / 1000 / slowly - K
  local found = state.ceiling * (1 + STEEP * seconds ^ 3)
  -- What was not tried is not known: no further than twice what is really used.
  return math.min(known, math.max(LEAST_RATE,
    math.min(found, math.max(2 * flow(), state.ceiling))))
end

-- Calls in flight that were once too many, and since then carefully more: along the same curve,
-- but only while it is these that hold the work up, and not the rate.
local function found_slots()
  return state.room and math.max(1, state.room * (1 + STEEP * (state.room_age - K) ^ 3))
end

local function crowded()
  return state.room and not state.mode and now - (state.crowded_at or 0) < LANE_MS and flow() < CROWDED * rate()
end

local function close(mode, wait, step)
  state.mode, state.reopens, state.step = mode, now + wait, step
  state.mode_since = state.mode_since or now
end

local function divisor(a, b)
  while b > 0 do a, b = b, a % b end
  return a
end

-- Calls that a worker is given at a time: so many that Redis is asked seldom, so few that each
-- worker's turn comes every two seconds.
local function lot()
  local share, turn = rate() / peers, state.ceiling and TURN_SECONDS or KNOWN_TURN_SECONDS
  local calls = math.floor(0.5 + math.max(1,
    math.min(math.max(LOT_CALLS, share * LEAST_ASK_MS / 1000), share * turn)))
  -- With a divisor in common, workers that take turns would begin their calls at the same moments.
  while divisor(calls, peers) > 1 do calls = calls + 1 end
  return calls
end

-- How long permits that were given out before a step down are still being used.
local function settle_ms(share)
  return share >= HEAVY and SETTLE_MS or SETTLE_MS + 1000 * lot() * peers / rate()
end

local function fewer_slots(share)
  local slots = found_slots()
  if share < HEAVY then
    state.room, state.room_age = math.max(1, slots - math.max(1, 0.03 * slots)), K - STAY
    state.ceiling = ROOMY * math.max(LEAST_RATE, a_second(state.ok, share_ms()))
    state.since = now - (K - STAY) * 1000
  else
    state.room, state.room_age = math.max(1, slots / 2, slots * (1 - share)), 0
  end
  state.room_since = now
end

local function step_down(share)
  if state.room and share >= HEAVY then
    fewer_slots(share)
  elseif share < HEAVY and state.ceiling then
    -- Perhaps it is not the rate that was too much, but the calls in flight. If they were fewer
    -- than was thought to be too many, it was not they.
    state.room, state.room_age = state.room and 1.25 * found_slots() or math.max(1, state.held), K + STAY
  end
  local before = rate()
  -- What was still answered is what the upstream bears; both ways to tell lag behind. Not less
  -- than half at once: the averages are of the last second, not of this moment.
  local borne = math.max(a_second(state.ok, share_ms()), before * (1 - share))
  state.ceiling = math.max(LEAST_RATE, before / 2, math.min(before, borne))
  state.since = now
end

local function heed_throttling()
  if report.throttled == 0 or state.mode then return end
  local share = state.throttled / (state.throttled + state.ok)
  if share >= FLOOD and state.throttled >= FLOOD_COUNT then
    -- A window that is used up, or a far lower limit. What was borne in the long run is what
    -- such a window lets through.
    state.borne = state.long / (LONG_MS / 1000)
    state.ceiling = math.max(LEAST_RATE, math.min(rate() / 2, a_second(state.long, LONG_MS)))
    state.since = now
    close('throttled', math.max(PROBE_MS, report.pause_ms), PROBE_MS)
  elseif share < HEAVY and crowded() then
    if now - (state.room_since or 0) >= SETTLE_MS then fewer_slots(share) end
  elseif now - (state.since or 0) >= settle_ms(share) then
    if state.throttled_long >= STRAY * state.ok_long then return step_down(share) end
    -- One of many: this is the limit. Stay a little below it for a while.
    state.ceiling, state.since = rate(), now - (K - STAY) * 1000
  end
end

local function heed_pause()
  if report.pause_ms == 0 then return end
  local share = state.throttled / math.max(1, state.throttled + state.ok)
  -- A short one is for the call that was told so; when most calls are told so, it is for all.
  if report.pause_ms > SHORT_PAUSE_MS or report.throttled == 0 or share >= 0.5 then
    state.pause = math.max(state.pause or 0, now + report.pause_ms)
  end
end

local function heed_trouble()
  if report.trouble == 0 or state.mode == 'broken' then return end
  if state.trouble >= BREAK_POINTS and state.trouble >= BREAK_SHARE * (state.trouble + state.well)
  then
    -- As much is known of the upstream as before, but not that it bears all of it at once.
    state.before = math.max(state.before or 0, flow() / 2)
    close('broken', BREAK_PROBE_MS, BREAK_PROBE_MS)
  end
end

local function reopen()
  if not report.probe_ok or not state.mode then return end
  if state.mode == 'throttled' and now - state.mode_since >= WINDOW_MS then
    state.ceiling, state.window_at = math.max(LEAST_RATE, state.borne), now
  end
  state.mode, state.reopens, state.step, state.mode_since = nil, nil, nil, nil
  state.trouble, state.well, state.throttled, state.ok = 0, 0, 0, 0
  state.since = state.ceiling and now
  state.room_age = state.room and K
end

local function limited() return known_rate() ~= nil or state.ceiling ~= nil end

local function tokens_a_second() return PACE * limits.tpm / 60 end
local function most_tokens() return math.max(1, tokens_a_second() * LOT_SECONDS) end

-- What has been saved up since the last exchange. While both lanes are busy a part is bulk's alone.
local function save_up()
  local most = math.max(1, rate() * LOT_SECONDS, LOT_SHARE * lot())
  local gain = rate() * elapsed / 1000
  local both = now - (state.interactive_at or 0) < LANE_MS and now - (state.bulk_at or 0) < LANE_MS
  local set_aside = both and BULK_SHARE * gain or 0
  state.bulk_level = math.min(most, (state.bulk_level or 0) + set_aside)
  state.level = math.min(most, state.level + gain - set_aside + report.left)
  if limits.tpm then
    state.tokens = math.min(most_tokens(), (state.tokens or 1)
      + tokens_a_second() * elapsed / 1000 + report.left_tokens)
  end
  return most
end

local urgent = report.lane == 'interactive'
-- Interactive work may run into debt by half a lot, which bulk then pays: so it need not wait.
local function debt_of(most) return urgent and math.floor(most / 2) or 0 end

local function take(most)
  local debt = debt_of(most)
  if limits.tpm and state.tokens + (urgent and limits.tpm / 60 * LOT_SECONDS / 2 or 0) <= 0 then
    return 0, 0
  end
  local want = report.want
  if limited() and not urgent then want = math.min(want, math.ceil(LOT_SHARE * lot())) end
  local aside = urgent and 0 or math.min(want, math.floor(state.bulk_level))
  local given = math.max(0, math.min(want - aside, math.floor(state.level + debt)))
  state.bulk_level = state.bulk_level - aside
  state.level = state.level - given
  local tokens = 0
  if limits.tpm and given + aside > 0 then
    tokens = math.max(1, math.min(report.want_tokens, state.tokens))
    state.tokens = state.tokens - tokens
  end
  return given + aside, tokens
end

-- Slots are shared out evenly among those who want them, and lent on by those who don't.
local function share_slots()
  local found = found_slots()
  local limit = math.min(limits.concurrency or math.huge, found and math.floor(found) or math.huge)
  local mine = tonumber(redis.call('HGET', slots_key, worker) or 0)
  local given = report.in_flight
  if limit < math.huge then
    local free = limit - (state.held - mine)
    local fair = math.max(1, math.floor(limit / active))
    if report.lane == 'bulk' and now - (state.interactive_at or 0) < 5 * LANE_MS then
      free = free - math.min(limit - 1, math.ceil(BULK_SHARE * limit))
    end
    local scarce = now - (state.scarce_at or 0) < LANE_MS
    -- Of fewer slots than workers, each is had in turn: who has just had one leaves the next.
    local used = report.began + report.in_flight + report.ok + report.throttled + report.trouble
    local stands_back = scarce and limit < active and used > 0
    local most = stands_back and 0 or scarce and math.ceil(limit / active) or limit
    given = math.max(0, math.min(report.want_slots, free, most))
    if given < math.min(report.want_slots, fair) and not stands_back then state.scarce_at = now end
    if given < report.want_slots then state.crowded_at = now end
    if crowded() then state.room_age = state.room_age + elapsed / 1000 end
  end
  -- Calls under way cannot be taken back: they count until they have ended.
  local held = math.max(given, report.in_flight)
  state.held = state.held - mine + held
  redis.call('HSET', slots_key, worker, held)
  return limit < math.huge and given or cjson.null
end

local function leave()
  local mine = tonumber(redis.call('HGET', slots_key, worker) or 0)
  state.held = math.max(0, state.held - mine)
  forget(worker)
end

local function store()
  if not state.mode then redis.call('HDEL', key, 'mode', 'mode_since', 'reopens', 'step') end
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
  redis.call('SADD', 'rerankq:accounts', account)
end

if report.want > 0 then state[report.lane .. '_at'] = now end
count_answers()
remember_flow()
reopen()
heed_throttling()
heed_pause()
heed_trouble()

local permits, tokens, probe, slots = 0, 0, false, cjson.null
local opens = math.max(state.pause or 0, state.reopens or 0)
-- While it is closed too: tokens that were overdrawn before are owed after.
local most = save_up()
if now < opens or state.mode then
  state.level, state.bulk_level = math.min(state.level, 0), 0
  if worker ~= '' and report.want > 0 and now >= opens then
    permits, tokens, probe = 1, math.max(1, report.want_tokens), true
    state.reopens = now + state.step
    if state.mode == 'throttled' then state.step = math.min(MOST_PROBE_MS, state.step * 1.5) end
  end
elseif worker ~= '' then
  permits, tokens = take(most)
end

-- A worker that got less than it wanted takes its turn after all others, each a lot later than
-- the one before; one that got enough comes again when that is used up.
local function ask_ms()
  local short_of_tokens = limits.tpm and tokens < report.want_tokens
  if permits >= report.want and not short_of_tokens then
    return math.min(MOST_ASK_MS, 1000 * LOT_CALLS * peers / flow())
  end
  local gap = 1000 * lot() / rate()
  if short_of_tokens then
    gap = math.max(gap, 1000 * (0.8 * most_tokens() - state.tokens) / tokens_a_second())
  end
  if urgent then return gap end
  state.turn = math.min(math.max(now, state.turn or 0) + gap, now + gap * peers)
  return state.turn - now
end

local again = math.max(LEAST_ASK_MS, ask_ms())
if worker ~= '' then
  slots = share_slots()
  -- Who wants nothing and has nothing shares in nothing: what is there is for the others.
  if report.want == 0 and report.in_flight == 0 then leave() end
  store()
end

local closed = {}
local circuits = redis.call('HGETALL', 'rerankq:circuits')
for at = 1, #circuits, 2 do closed[circuits[at]] = cjson.decode(circuits[at + 1]) end

return cjson.encode({
  permits = permits, tokens = tokens, slots = slots, probe = probe,
  retries = state.retries >= 1 and math.max(1, math.floor(state.retries / active)) or 0,
  ask_ms = again,
  mode = state.mode or 'open', since = state.mode_since or 0,
  wait_ms = math.max(0, math.max(state.pause or 0, state.reopens or 0) - now),
  rate = rate(), limited = limited(), limits = limits,
  workers = worker == '' and active or peers, in_flight = state.held, now = now, closed = closed,
})
