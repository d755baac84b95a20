-- Begins, or goes on with, the packing of ends into rows; and deletes what is past the retention.
-- @argument interval_ms number: from one packing to the next; 0 to go on with one
-- @argument ttl_ms number: how long rows are kept; 0 to keep none
-- @argument most_bytes number: most bytes of all segments
-- @argument open_ms number: how long rows may stay in the open list
-- @answer numbers: the place of the first end; how many rows are open; and 1 when these have been open for so
-- long that they must become a segment, else 0. None when another worker packs. The ends are read by
-- the next command of the same round trip: Lua would hash each. Safe to repeat.
-- @include clock
-- @include places
-- @include retention
-- @keys history history_ended history_open history_packing
local now = now_ms()
if interval_ms > 0 then
  -- A lock that lasts longer than the interval was set before the clock was set back.
  if redis.call('PTTL', history_packing_key) > interval_ms then redis.call('DEL', history_packing_key) end
  if not redis.call('SET', history_packing_key, '1', 'NX', 'PX', interval_ms) then return {} end
end
local first = first_place()
if ttl_ms == 0 then
  first = first + redis.call('LLEN', history_ended_key)
  redis.call('DEL', history_ended_key, history_open_key)
end
-- An idle worker writes nothing here: each write goes to the append-only file too.
if tonumber(redis.call('HGET', history_key, 'first') or '') ~= first then
  redis.call('HSET', history_key, 'first', string.format('%.0f', first))
end
drop_old(now, ttl_ms, most_bytes)
local open = redis.call('LLEN', history_open_key)
local opened = tonumber(redis.call('HGET', history_key, 'opened') or '') or 0
local is_due = open > 0 and (now - opened > open_ms or opened > now)
return {first, open, is_due and 1 or 0}
