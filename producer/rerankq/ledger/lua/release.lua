-- Gives idempotency keys a time to go, where their jobs' records are gone: no end of theirs will.
-- ARGV: 1 ms for which they are kept still, then, for each, id of the job and the key
-- Returns nothing.
-- @keys job idempotency
for at = 2, #ARGV, 2 do
  local id, key = ARGV[at], idempotency_key(ARGV[at + 1])
  -- Another job may have the key by now: it is that one's. A key of another type is nobody's.
  if redis.call('EXISTS', job_key(id)) == 0 and redis.pcall('HGET', key, 'id') == id then
    redis.call('PEXPIRE', key, ARGV[1])
  end
end
