-- Notes that the batch's reader has the results of these jobs: from now on they are kept for
-- their ordinary retention, and no longer as long as the batch. Safe to repeat.
-- @argument keep_result_ms number: how long a result is kept
-- @argument keep_dead_ms number: how long a dead letter is kept
-- @argument batch text: its id
-- @arguments ids text: the jobs; one that another batch also keeps, or that has not ended, is left as it
--   is
-- @answer flag: 1, or 0 when there is no such batch.
-- @include records
-- @include retention
-- @keys job batch result
local now, keep = now_ms(), {keep_result_ms, keep_dead_ms}
if not batch_of(batch) then return 0 end
redis.call('HSET', batch_key(batch), 'collected', 1)

-- Makes a key expire at that time, in ms, if it would expire later.
local function shorten(key, ends)
  local left = redis.call('PTTL', key)
  if left >= 0 and now + left > ends then redis.call('PEXPIREAT', key, whole(ends)) end
end

read_records(ids)
for _, id in ipairs(ids) do
  local job = known_of(id)
  if job and not is_open(job.state) then
    local ends = result_end(job, now, keep, batch)
    shorten(result_key(id), ends)
    shorten(job_key(id), record_end(job, number(job.finished), ends, keep))
  end
end
return 1
