-- Keeps a message that was no hint, the newest first and a bounded number of them, and counts it. Safe to
-- repeat within a minute: the same message is kept and counted once.
-- ARGV: 1 name of the request, the same when it is repeated and else never, 2 why it was not let in,
--       3 the message as it is kept, 4 most that are kept, 5 seconds for which they are
-- Returns 1, or 0 for a repeat.
local request, fault, message = ARGV[1], ARGV[2], ARGV[3]
if not redis.call('SET', 'rerankq:poison:told:' .. request, '1', 'NX', 'EX', 60) then return 0 end
redis.call('LPUSH', 'rerankq:poison', message)
redis.call('LTRIM', 'rerankq:poison', 0, ARGV[4] - 1)
redis.call('EXPIRE', 'rerankq:poison', ARGV[5])
redis.call('HINCRBY', 'rerankq:poison:counts', fault, 1)
return 1
