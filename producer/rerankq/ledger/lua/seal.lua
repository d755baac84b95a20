-- Says that nothing more will be added to a batch.
-- ARGV: 1 batch id, 2 the first line of input that was not submitted, where feeding was cut; else ''
-- Returns 1, or 0 where there is no such batch: past its retention nothing may come to life again.
-- @keys batch
local batch = ARGV[1]
if redis.call('EXISTS', batch_key(batch)) == 0 then return 0 end
redis.call('HSET', batch_key(batch), 'sealed', 1)
if ARGV[2] ~= '' then redis.call('HSET', batch_key(batch), 'cut', ARGV[2]) end
return 1
