-- Writes rows in the place of the first ends, into the open list.
-- @argument first number: the place of the first of them
-- @arguments rows text: a row for each end
-- @answer flag: 1 when that was done; 0 when these ends have rows already. So it is safe to repeat.
-- @include clock
-- @include places
-- @keys history history_ended history_open
if first_place() ~= first then return 0 end
if redis.call('LLEN', history_open_key) == 0 then
  redis.call('HSET', history_key, 'opened', string.format('%.0f', now_ms()))
end
redis.call('RPUSH', history_open_key, unpack(rows))
redis.call('LTRIM', history_ended_key, #rows, -1)
redis.call('HINCRBY', history_key, 'first', #rows)
return 1
