-- An exchange between a worker and an account with the upstream: the worker reports what it did with
-- its last lot of permits, and is given the next. All workers of an account use this script, so
-- together they keep the account's limits. Safe to repeat with the same serial.
-- @argument account text: its name
-- @argument worker text: its name, or '' for an observer, which only looks
-- @argument report json: what it reports:
--   lane       lane of the work: 'interactive' goes first
--   limits     {rpm, tpm, concurrency}: requests and tokens a minute, calls at once; those that are known
--   want, want_tokens, want_slots   calls to begin, their tokens, and calls to have in flight
--   left, left_tokens       permits and tokens not used; tokens below zero when it used more than given
--   began, retries          calls begun since the last exchange, and how many were retries
--   in_flight               calls under way
--   ok, throttled, trouble  answers; 429s and answers that mean the same; points of failure (see BREAK_POINTS)
--   pause_ms   how long the upstream asks everyone to wait, in a 429 or a good answer, or 0
--   trouble_pause_ms        the same in a failure
--   cause      class and status of the last 429 or failure, '' without one
--   probe_ok   whether a call that was a probe succeeded
--   serial     name of the report: a repeat has the same one, every other report another
--   unreached  points of failure for connections that could not be made
--   vain, vain_ms   how many jobs in a row got no answer at this worker, and for how long that has been so
--   cut_off    why this worker gets no answers while others do, '' when it gets them
--   ranked     fingerprint of the endpoint, if it gave a ranking, else ''
--   astray     the last answers in a row that did not come from the endpoint
--   served     by fingerprint of each key that gave a ranking lately: ms since the last such call began
--   took_ms    the longest that a call with a ranking took lately
--   refused    by fingerprint of each key that every call of this worker is refused with: ms since that began
-- @answer json: permits, tokens, slots (null without a limit), retries, ask_ms (ms to the next exchange),
--   mode ('open', 'throttled' or 'broken'), since (when it left 'open', or was paused),
--   cause (why), probe (whether the permit is for a probe), wait_ms (until permits are given
--   out again), rate (calls a second at present), limited (whether a limit of the
--   rate is known or found), limits, workers (of the lane; all, for an observer), in_flight,
--   ranked (fingerprint of the endpoint that gave the last ranking), served (fingerprints of the keys that
--   gave rankings in the last minute), idle_ms (since any worker's last exchange, for an observer),
--   alone (whether other workers get answers and this one gets none), doubted (whether its failures are not
--   held against the upstream), cut_off (the workers that get no answers while others do, by name), now,
--   verdicts (by fingerprint of a key that is refused to the worker: 'worker' or 'key', whichever is at
--   fault, once that is known), others (other workers that use the account), took_ms (the longest
--   that a ranking took lately),
--   and breakers (those that are open, by name: each the text that is stored).

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
close_after_probe()
end_pause()
react_to_throttling()
note_pause()
react_to_failures()
remember_cause()
if report.ranked ~= '' then state.ranked = report.ranked end

local permits, tokens, probe, slots = 0, 0, false, nil
local usable_at = math.max(state.pause or 0, state.reopens or 0)
-- Also while the account is out of use: tokens that were overdrawn have to be paid back then too.
local most = save_up()
if now < usable_at or state.mode then
  state.level, state.bulk_level = math.min(state.level, 0), 0
  permits, tokens, probe = probe_of(usable_at)
elseif worker ~= '' then
  permits, tokens = take(most)
end

if worker ~= '' then slots = share_slots() end
local breakers = open_breakers()
local next_ask_ms = math.max(LEAST_ASK_MS, ask_ms(permits, tokens, slots))
if worker ~= '' then
  remember_answer(permits, tokens, probe)
  -- A worker that wants no calls and has none under way gets no share: the others get all.
  if report.want == 0 and report.in_flight == 0 then leave() end
  store()
end

local answer = cjson.encode({
  permits = permits, tokens = tokens, slots = slots or cjson.null, probe = probe,
  retries = state.retries >= 1 and math.max(1, math.floor(state.retries / active)) or 0,
  ask_ms = next_ask_ms,
  mode = state.mode or 'open', since = state.mode_since or state.pause_since or 0,
  cause = state.cause or '',
  wait_ms = math.max(0, math.max(state.pause or 0, state.reopens or 0) - now),
  rate = rate(), limited = limited(), limits = limits,
  workers = worker == '' and present or peers, in_flight = state.held,
  ranked = state.ranked or '', served = keys.served, idle_ms = idle_ms, alone = alone,
  doubted = doubted, cut_off = cut_off_workers, verdicts = keys.verdicts, others = others, took_ms = state.took or 0,
  now = now,
})
return string.sub(answer, 1, -2) .. ',"breakers":' .. breakers .. '}'
