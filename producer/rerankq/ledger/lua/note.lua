-- Adds an entry to the end of a batch that is not one of its own jobs. Safe to repeat: an entry that is
-- the last already is not added again (each names its line, and only one feeder writes). A batch that is sealed
-- or was cancelled gets no more entries.
-- If it stands for an earlier job, that job is kept as long as the batch.
-- @argument batch text: its id
-- @argument entry text: the entry
-- @argument counter text: name of the count that it adds to
-- @argument id text: of the job that it stands for, or ''
-- @answer flag: 1 when it was added, else 0.
-- @include batches
-- @include records
-- @keys job batch batch_entries result
local now = now_ms()

-- Makes a key expire at that time, in ms, if it would expire sooner.
local function prolong(key, ends)
  local left = redis.call('PTTL', key)
  if left >= 0 and now + left < ends then redis.call('PEXPIREAT', key, whole(ends)) end
end

local function adopt()
  read_records({id})
  local job = known_of(id)
  if not job or job.batch == batch then return end
  job.adopted = batch
  redis.call('SET', job_key(id), encoded(job), 'KEEPTTL')
  prolong(job_key(id), batch_end(batch, now))
  prolong(result_key(id), batch_end(batch, now))
end

local found = batch_of(batch)
if not found or found.is_sealed or found.is_cancelled then return 0 end
if redis.call('LINDEX', batch_entries_key(batch), -1) == entry then return 0 end
if not add_to_batch(batch, {entry}) then return 0 end
redis.call('HINCRBY', batch_key(batch), counter, 1)
if id ~= '' then adopt() end
return 1
