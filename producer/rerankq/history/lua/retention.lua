-- Deletes the oldest segments: those past the retention, and as many as are too much.
-- @defines drop_old
-- @keys history history_segments history_segment

local MOST_AT_ONCE = 100

-- Keeps segments whose last row is younger than `ttl_ms`, and at most so many bytes of them.
function drop_old(now, ttl_ms, most_bytes)
  for _ = 1, MOST_AT_ONCE do
    local oldest = redis.call('ZRANGE', history_segments_key, 0, 0)[1]
    if not oldest then
      if (redis.call('HGET', history_key, 'bytes') or '0') ~= '0' then redis.call('HSET', history_key, 'bytes', 0) end
      return
    end
    local key = history_segment_key(oldest)
    local last, bytes = unpack(redis.call('HMGET', key, 'last', 'bytes'))
    local total = tonumber(redis.call('HGET', history_key, 'bytes') or '') or 0
    if last and tonumber(last) >= now - ttl_ms and total <= most_bytes then return end
    redis.call('DEL', key)
    redis.call('ZREM', history_segments_key, oldest)
    redis.call('HINCRBY', history_key, 'bytes', -(tonumber(bytes or '') or 0))
  end
end
