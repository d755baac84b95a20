-- Lets jobs that wait after a failure be tried now. A job that waits for its `not_before` goes on waiting,
-- and so does one that rests because it may have killed its workers. Safe to repeat.
-- @argument lane text: its name
-- @argument first number: how many to pass over, from the one that would wait longest
-- @argument most number: most jobs to look at
-- @answer numbers: how many of these go on waiting, and how many are due now.
-- @include clock
-- @include states
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
  local was_put_off = job and place_of(job) == 'scheduled' and job.lane == lane
    and type(job.failure) == 'table' and not job.away
  if was_put_off then
    job.due, hastened = whole(now), hastened + 1
    move(id, job, 'scheduled', job.due)
  else
    left = left + 1
  end
end
carry_out()
return {left, hastened}
