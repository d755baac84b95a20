-- Keeps, gives back or ends the work of filling a batch from a file, for whoever has taken it.
-- @argument batch text: its id
-- @argument token text: of whoever has taken it
-- @argument lease_ms number: from now on; 0: somebody else may go on at once; less: it is done
-- @argument details text: new details of the batch, as JSON; '' leaves them as they are
-- @answer flag: 1, or 0 when somebody else has taken it, or the batch is gone.
-- @include clock
-- @include values
-- @keys batch imports
if redis.call('HGET', batch_key(batch), 'importer') ~= token then return 0 end
if details ~= '' then redis.call('HSET', batch_key(batch), 'details', details) end
if lease_ms < 0 then
  redis.call('ZREM', imports_key, batch)
  redis.call('HSET', batch_key(batch), 'importer', '')
else
  redis.call('ZADD', imports_key, whole(now_ms() + lease_ms), batch)
end
return 1
