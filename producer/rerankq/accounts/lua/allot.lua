-- An exchange between a worker and an account with the upstream: the worker tells what it did with
-- its last lot of permits, and is given the next. All workers of an account meet here, so what is
-- given out to all of them together keeps to the account's limits. Safe to repeat with the same serial.
-- @argument account text: its name
-- @argument worker text: its name, or '' for somebody who only looks
-- @argument report json: what it tells:
--   lane       whose work it is: 'interactive' goes first
--   limits     {rpm, tpm, concurrency}: a minute and at once, as far as they are known
--   want, want_tokens, want_slots   calls to begin, their tokens, and calls to have in flight
--   left, left_tokens       what was given and not used; tokens may be overdrawn
--   began, retries          calls begun since the last exchange, and how many were retries
--   in_flight               calls under way
--   ok, throttled, trouble  answers; 429s and their disguises; points of failure (see BREAK_POINTS)
--   pause_ms   how long the upstream asks everyone to wait, with a 429 or a good answer, or 0
--   trouble_pause_ms        the same with a failure
--   cause      class and status of the last 429 or failure, '' without one
--   probe_ok   whether a call that was a probe succeeded
--   serial     name of the report, the same when it is repeated and else never
--   unreached  points of failure for connections that could not be made
--   vain, vain_ms   jobs in a row that were not answered there, none since the last answer, and for how long
--   cut_off    why this worker is not answered while others are, '' where it is
--   ranked     fingerprint of the endpoint, if it gave a ranking, else ''
--   astray     answers in a row, up to the last, that were not the endpoint's
--   served     by fingerprint of the keys that gave rankings lately: ms since the last such call began
--   took_ms    how long calls took lately that were ranked, at most
--   refused    by fingerprint of the keys that are refused to the worker in a row: ms since that began
-- @answer json: permits, tokens, slots (null without a limit), retries, ask_ms (when to come again),
--   mode ('open', 'throttled' or 'broken'), since (when it left 'open', or was asked to pause) and
--   cause (of that), probe (whether the permit is for a probe), wait_ms (until something is given
--   out again), rate (calls a second at present), limited (whether the
--   rate holds anybody up), limits, workers (of the lane; all, for who only looks), in_flight,
--   ranked (the fingerprint of who gave the last ranking), served (those of the keys by which rankings
--   were given in the last minute), idle_ms (how long no worker has come),
--   alone (whether others are answered and this worker is not), doubted (whether its failures are not held
--   against the upstream), cut_off (the workers that are alone in that, by name), now,
--   verdicts (by fingerprint of a key that is refused to the worker: 'worker' or 'key', whichever is at
--   fault, once that is known), others (workers beside it that use the account), took_ms (how long
--   answers took lately, at most),
--   and closed (the breakers that are open, by name: each the text that is stored).

-- @include allot/account
-- @include allot/repeats
-- @include allot/reach
-- @include allot/averages
-- @include allot/keys
-- @include allot/rate
-- @include allot/lots
-- @include allot/found_slots
-- @include allot/trial
-- @include allot/throttling
-- @include allot/modes
-- @include allot/slots
-- @include allot/turns
-- @include breakers/stored
-- @include allot/breakers

recall_repeat()
if report.want > 0 then state[report.lane .. '_at'] = now end
note_reach()
keys.note()
count_answers()
remember_flow()
count_trial()
reopen()
end_pause()
heed_throttling()
heed_pause()
heed_trouble()
remember_cause()
if report.ranked ~= '' then state.ranked = report.ranked end

local permits, tokens, probe, slots = 0, 0, false, nil
local opens = math.max(state.pause or 0, state.reopens or 0)
-- While it is closed too: tokens that were overdrawn before are owed after.
local most = save_up()
if now < opens or state.mode then
  state.level, state.bulk_level = math.min(state.level, 0), 0
  permits, tokens, probe = probe_of(opens)
elseif worker ~= '' then
  permits, tokens = take(most)
end

if worker ~= '' then slots = share_slots() end
local closed = closed_circuits()
local again = math.max(LEAST_ASK_MS, ask_ms(permits, tokens, slots))
if worker ~= '' then
  remember_answer(permits, tokens, probe)
  -- Who wants nothing and has nothing shares in nothing: what is there is for the others.
  if report.want == 0 and report.in_flight == 0 then leave() end
  store()
end

local told = cjson.encode({
  permits = permits, tokens = tokens, slots = slots or cjson.null, probe = probe,
  retries = state.retries >= 1 and math.max(1, math.floor(state.retries / active)) or 0,
  ask_ms = again,
  mode = state.mode or 'open', since = state.mode_since or state.pause_since or 0,
  cause = state.cause or '',
  wait_ms = math.max(0, math.max(state.pause or 0, state.reopens or 0) - now),
  rate = rate(), limited = limited(), limits = limits,
  workers = worker == '' and present or peers, in_flight = state.held,
  ranked = state.ranked or '', served = keys.served, idle_ms = idle_ms, alone = alone,
  doubted = doubted, cut_off = cut_off_workers, verdicts = keys.verdicts, others = others, took_ms = state.took or 0,
  now = now,
})
return string.sub(told, 1, -2) .. ',"closed":' .. closed .. '}'
