-- Holding back the jobs of a paused batch.
-- @defines hold
-- @include states
-- @keys batch batches_holding

local noted_holding = {}

-- Holds back a queued job of a paused batch, at its place in the order of announcement.
function hold(id, job, place, now)
  move(id, job, 'held', whole(place))
  if noted_holding[job.batch] then return end
  noted_holding[job.batch] = true
  local left = redis.call('PTTL', batch_key(job.batch))
  gather('ZADD ' .. batches_holding_key, whole(now + math.max(left, 0)), job.batch)
end
