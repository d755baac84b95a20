-- Lets jobs that were put off after a failure be tried now. Those that wait for their own time do so
-- still, and so does one that rests as its workers may have died of it. Safe to repeat.
-- @argument lane text: its name
-- @argument first number: how many to pass over, from the one that waits longest
-- @argument most number: most jobs to look at
-- @answer numbers: how many of these wait as before, and how many are due now.
-- @include clock
-- @include records
-- @keys lane_set
local now, left, hastened = now_ms(), 0, 0
local waiting, ids = lane_set_key(lane, 'scheduled'), {}
local scored = redis.call('ZREVRANGE', waiting, first, first + most - 1, 'WITHSCORES')
for at = 1, #scored, 2 do
  if tonumber(scored[at + 1]) > now then ids[#ids + 1] = scored[at] end
end
read_records(ids)
for _, id in ipairs(ids) do
  local job = known_of(id)
  local was_put_off = job and job.state == 'scheduled' and job.lane == lane
    and type(job.failure) == 'table' and not job.away
  if was_put_off then
    job.due, hastened = whole(now), hastened + 1
    write_record(id)
    gather('ZADD ' .. waiting, job.due, id)
  else
    left = left + 1
  end
end
carry_out()
return {left, hastened}
