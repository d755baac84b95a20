-- The newest ends before a place that are in no segment yet.
-- @argument before number: the place; -1 for the newest of all
-- @argument most number: most ends without a row
-- @answer rows: the place of the first of the ends; the ends; the place of the first open row, and the open rows
-- before the place: -1 and none when there are more ends before those
-- @include places
-- @keys history_ended history_open
local first = first_place()
local last = first + redis.call('LLEN', history_ended_key)
local stop = before < 0 and last or math.min(before, last)
local start = math.max(first, stop - most)
local ends, rows = {}, {}
if start < stop then ends = redis.call('LRANGE', history_ended_key, start - first, stop - first - 1) end
local open_start = first - redis.call('LLEN', history_open_key)
if start > first then return {start, ends, -1, rows} end
if stop > open_start then
  rows = redis.call('LRANGE', history_open_key, 0, math.min(stop, first) - open_start - 1)
end
return {start, ends, open_start, rows}
