-- Keeps a message that was no hint, the newest first and a bounded number of them, and counts it. Safe to
-- repeat within a minute: the same message is kept and counted once.
-- ARGV: 1 name of the request, the same when it is repeated and else never, 2 why it was not let in,
--       3 the message as it is kept, 4 most that are kept, 5 seconds for which they are
-- Returns 1, or 0 for a repeat.
-- @keys poison poison_counts poison_told
local request, fault, message = ARGV[1], ARGV[2], ARGV[3]
if not redis.call('SET', poison_told_key(request), '1', 'NX', 'EX', 60) then return 0 end
redis.call('LPUSH', poison_key, message)
redis.call('LTRIM', poison_key, 0, ARGV[4] - 1)
redis.call('EXPIRE', poison_key, ARGV[5])
redis.call('HINCRBY', poison_counts_key, fault, 1)
return 1
