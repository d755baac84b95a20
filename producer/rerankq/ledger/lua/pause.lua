-- Pauses a batch: from now on none of its jobs is claimed. One command, however large the batch is: a job is
-- held back when it would be claimed.
-- @argument batch text: its id
-- @answer numbers: 1 when it is paused now, 0 when it was already, 2 when it was cancelled or has ended, -1 when
--   there is no such batch.
-- @include batches
-- @keys batch batches_resuming
local found = batch_of(batch)
if not found then return {-1} end
if found.is_cancelled or redis.call('HGET', batch_key(batch), 'ended_at') then return {2} end
if found.is_paused then return {0} end
redis.call('HSET', batch_key(batch), 'paused_at', whole(now_ms()))
redis.call('ZREM', batches_resuming_key, batch)
return {1}
