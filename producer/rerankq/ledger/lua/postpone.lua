-- Takes jobs from their worker, to be queued again later: for a retry or, with no delay, because the worker
-- hands them back. Safe to repeat: a job that was postponed is no longer the caller's.
-- @argument keep_usage_days number: how long the counts of a day are kept
-- @argument jobs json: a list of [id, token, attempts used so far, delay in ms, why: an object, or null to leave
--   the recorded failure as it is; and where there is any: what its calls have used, as `usage` expects it, or true
--   when a call was broken off, so that nobody knows]
-- @answer flags: for each job 1 when it was the caller's, else 0.
-- @include clock
-- @include states
-- @include usage
-- @include workers/tokens
local now = now_ms()
local ids, done = {}, {}
local MOST_TRIES = 8 -- of a job that is throttled for hours, the last are kept
for at, each in ipairs(jobs) do ids[at] = each[1] end

-- Records why a job waits, with the time now and the time of its first failed attempt; and the last few such
-- times with their reasons.
local function note_failure(job, failure)
  if type(failure) ~= 'table' then return end
  local before = type(job.failure) == 'table' and number(job.failure.since) or 0
  failure.at = now
  job.tries = type(job.tries) == 'table' and job.tries or {}
  if #job.tries >= MOST_TRIES then table.remove(job.tries, 1) end
  table.insert(job.tries, {now, job.attempts, failure.code, failure.status or 0, failure.request_id})
  -- No call fails while a job waits for cheap hours: what fails after them begins anew.
  if failure.code ~= 'cheap_hours' and (before > 0 or job.attempts > 0) then
    failure.since = before > 0 and before or now
  end
  job.failure = failure
end

-- A call that was broken off may have been paid for.
local function note_usage(job, usage)
  if usage == true then return doubt_call(job) end
  settle_call(job)
  count_usage(job, usage)
end

keep_usage(keep_usage_days)
read_records(ids)
for at, each in ipairs(jobs) do
  local id, token, attempts, delay, failure, usage = unpack(each)
  local job = held_job(id, token)
  if job then
    job.attempts, job.due = attempts, whole(now + delay)
    note_usage(job, usage)
    job.away, job.lapsed = nil, nil
    note_failure(job, failure)
    move(id, job, 'scheduled', job.due)
  elseif usage then
    note_reported(id, reported_job(id, token), usage)
  end
  done[at] = job and 1 or 0
end
carry_out()
return done
