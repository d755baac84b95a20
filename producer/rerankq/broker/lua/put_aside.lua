-- Keeps a message that was no hint, the newest first and at most so many, and counts it. Safe to
-- repeat within a minute: the same message is kept and counted once.
-- @argument request text: name of the request: a repeat has the same one, every other request another
-- @argument fault text: why the message was refused
-- @argument message text: as it is kept
-- @argument most number: most messages that are kept
-- @argument seconds number: how long they are kept
-- @answer flag: 1, or 0 for a repeat.
-- @keys poison poison_counts poison_told
if not redis.call('SET', poison_told_key(request), '1', 'NX', 'EX', 60) then return 0 end
redis.call('LPUSH', poison_key, message)
redis.call('LTRIM', poison_key, 0, most - 1)
redis.call('EXPIRE', poison_key, seconds)
redis.call('HINCRBY', poison_counts_key, fault, 1)
return 1
