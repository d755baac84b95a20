-- Stores scores of pairs, and begins a generation when the current one is full or has lasted half of its time.
-- @argument token text: hexadecimal digits, the name of a generation that this call begins
-- @argument ttl_ms number: how long scores may be used
-- @argument most_pairs number: the most pairs of a generation
-- @argument entries text: for each pair its key, 12 bytes, and its score as it is stored, 12 bytes
-- @answer numbers: how many pairs are new; and 1 when Redis is full, else 0: then nothing is stored, and memory of
-- the cache is given back. Safe to repeat.
-- @include clock
-- @include values
-- @include generations
-- @keys reuse
-- @constants PAIRS_IN_BUCKET
local DROPPED_AT_ONCE, GIVEN_BACK_AT_ONCE = 200, 5000
local state = state_of_cache()
-- The key is the cache's own, and nothing depends on the cache.
if state.is_foreign then redis.call('UNLINK', reuse_key) end
if is_full() then
  give_back(state, GIVEN_BACK_AT_ONCE)
  return {0, 1}
end
local now, current = now_ms(), state.current
local is_due = #entries > 0 and current
  and (now - current.began >= ttl_ms / 2 or current.began > now or state.pairs >= most_pairs)
if is_due or not current then
  if current then
    -- The one before goes, some buckets at each call: each call adds fewer than it deletes.
    if state.previous then redis.call('HSET', reuse_key, 'dropped', generation_text(state.previous)) end
    state.dropped = state.previous
    redis.call('HSET', reuse_key, 'previous', generation_text(current))
  end
  current = {name = token, began = now, buckets = math.max(1, math.ceil(most_pairs / PAIRS_IN_BUCKET))}
  state.pairs = 0
  redis.call('HSET', reuse_key, 'current', generation_text(current), 'pairs', 0)
  if state.base == '' then redis.call('HSET', reuse_key, 'base', token) end
end
if state.dropped then drop_buckets(state.dropped, DROPPED_AT_ONCE) end
local added = 0
for at = 1, #entries - 23, 24 do
  local key, field = bucket_of(current, entries, at)
  local answer = redis.pcall('HSET', key, field, string.sub(entries, at + 12, at + 23))
  if answer == 1 then
    added = added + 1
    if redis.call('HLEN', key) == 1 then redis.call('PEXPIREAT', key, whole(current.began + ttl_ms)) end
  end
end
if added > 0 then redis.call('HSET', reuse_key, 'pairs', whole(state.pairs + added)) end
return {added, 0}
