-- A feeder's sign of life, so that a batch which is held up is told from an abandoned one.
-- @argument batch text: its id
-- @answer flag: 1, or 0 where there is no such batch.
-- @include clock
-- @include values
-- @keys batch
if redis.call('EXISTS', batch_key(batch)) == 0 then return 0 end
redis.call('HSET', batch_key(batch), 'fed', whole(now_ms()))
return 1
