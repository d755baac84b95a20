-- Says that nothing more will be added to a batch.
-- ARGV: 1 batch id
-- Returns 1, or 0 where there is no such batch: past its retention nothing may come to life again.
local batch = ARGV[1]
if redis.call('EXISTS', batch_key(batch)) == 0 then return 0 end
redis.call('HSET', batch_key(batch), 'sealed', 1)
return 1
