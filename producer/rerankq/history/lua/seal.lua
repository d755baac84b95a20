-- Writes a segment in the place of all open rows and of the first ends.
-- @argument first number: the place of the first end
-- @argument open number: how many rows are open
-- @argument taken number: how many ends have their rows in the segment too
-- @argument ttl_ms number: how long rows are kept
-- @argument most_bytes number: most bytes of all segments
-- @argument last number: when the last of its jobs ended, in ms
-- @argument summary text: by it a search skips the segment
-- @argument hashes text: the same, by what its rows have
-- @argument packed text: its rows
-- @answer flag: 1 when that was done; 0 when another worker has done it. So it is safe to repeat.
-- @include clock
-- @include places
-- @include retention
-- @keys history history_ended history_open history_segments history_segment
if first_place() ~= first or redis.call('LLEN', history_open_key) ~= open then return 0 end
local place = string.format('%.0f', first - open)
local key, bytes = history_segment_key(place), #summary + #hashes + #packed
redis.call('DEL', key)
redis.call('HSET', key, 'summary', summary, 'hashes', hashes, 'rows', packed,
  'count', open + taken, 'last', string.format('%.0f', last), 'bytes', bytes)
-- In case that no worker is left to delete it.
redis.call('PEXPIRE', key, string.format('%.0f', 2 * ttl_ms))
redis.call('ZADD', history_segments_key, place, place)
redis.call('DEL', history_open_key)
if taken > 0 then
  redis.call('LTRIM', history_ended_key, taken, -1)
  redis.call('HINCRBY', history_key, 'first', taken)
end
redis.call('HINCRBY', history_key, 'bytes', bytes)
drop_old(now_ms(), ttl_ms, most_bytes)
return 1
