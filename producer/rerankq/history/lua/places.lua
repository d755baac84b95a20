-- The places of rows. The history numbers all ends in their order. Segments hold the first of them, then comes
-- the open list of rows, then the list of ends that have no row yet.
-- @defines first_place
-- @keys history history_open history_segments history_segment

-- The place of the first end that has no row yet. The count may be lost; then segments and open rows tell it.
function first_place()
  local first = tonumber(redis.call('HGET', history_key, 'first') or '')
  if first then return first end
  local last = redis.call('ZREVRANGE', history_segments_key, 0, 0)[1]
  local rows = last and tonumber(redis.call('HGET', history_segment_key(last), 'count') or '') or 0
  return (tonumber(last) or 0) + rows + redis.call('LLEN', history_open_key)
end
