-- Notes the batch that repeats the failed jobs of this one. Safe to repeat.
-- @argument batch text: its id
-- @argument retry text: id of the batch that repeats them
-- @answer text or nothing: the id of the batch that does: an earlier one, as long as that can still be added to;
--   nothing when there is no such batch
-- @include batches
-- @keys batch
if not batch_of(batch) then return false end
local earlier = redis.call('HGET', batch_key(batch), 'retry')
local under_way = earlier and batch_of(earlier)
if under_way and not under_way.is_sealed then return earlier end
redis.call('HSET', batch_key(batch), 'retry', retry)
return retry
