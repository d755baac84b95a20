-- Notes that a batch is still being fed: without this, a batch that is held up would look abandoned.
-- @argument batch text: its id
-- @answer flag: 1, or 0 when there is no such batch.
-- @include clock
-- @include values
-- @keys batch
if redis.call('EXISTS', batch_key(batch)) == 0 then return 0 end
redis.call('HSET', batch_key(batch), 'fed', whole(now_ms()))
return 1
