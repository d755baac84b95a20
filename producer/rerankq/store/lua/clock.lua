-- Times are by Redis' clock, in ms since the epoch: no client's clock decides anything.
-- @defines now_ms

function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
