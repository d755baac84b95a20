-- Puts an entry that is no job of the batch's own at the end of its order. Safe to repeat: an
-- entry that stands last already is not put again (each names its line, and one feeder writes).
-- ARGV: 1 batch id, 2 entry, 3 name of the count it adds to
-- Returns 1 when it was put, else 0.
local batch, entry = ARGV[1], ARGV[2]
if redis.call('LINDEX', batch_key(batch) .. ':entries', -1) == entry then return 0 end
if not add_to_batch(batch, {entry}) then return 0 end
redis.call('HINCRBY', batch_key(batch), ARGV[3], 1)
return 1
