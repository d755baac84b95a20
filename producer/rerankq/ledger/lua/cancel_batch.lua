-- Cancels a batch: none of its jobs begins any more, and none is added. The jobs themselves are then cancelled
-- in portions (`cancel_jobs`). Safe to repeat.
-- @argument batch text: its id
-- @answer rows: -1 when there is no such batch, 0 when it has ended or was cancelled, else 1; and the batches
--   that this has ended, as `batches/ended` says
-- @include batches/ended
-- @keys batch batches_resuming batches_cancelling
local found, key = batch_of(batch), batch_key(batch)
if not found then return {-1, {}} end
if found.is_cancelled or redis.call('HGET', key, 'ended_at') then return {0, {}} end
redis.call('HSET', key, 'cancelled_at', whole(now_ms()), 'sealed', 1)
redis.call('ZADD', batches_cancelling_key, whole(now_ms()), batch)
redis.call('ZREM', batches_resuming_key, batch)
note_ends(batch)
return {1, ended_batches}
