-- Says that nothing more will be added to a batch.
-- @argument batch text: its id
-- @argument cut_at text: the first line of input that was not submitted, when feeding was cut; else ''
-- @answer flag: 1, or 0 when there is no such batch: one past its retention is not created again.
-- @keys batch
if redis.call('EXISTS', batch_key(batch)) == 0 then return 0 end
redis.call('HSET', batch_key(batch), 'sealed', 1)
if cut_at ~= '' then redis.call('HSET', batch_key(batch), 'cut', cut_at) end
return 1
