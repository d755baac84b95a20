-- The orders in which jobs of a lane are announced. Jobs that are announced again have an order and a
-- Celery queue of their own: their places in the lane's set of queued jobs are those from REDELIVERED on.
-- Fields of a lane's hash: sequence (last place given), claimed (newest place claimed), mark and mark_at (the
-- watermark, and when it was set), idle_at and idle_sequence (since when the Celery queue is empty, and the
-- last place then), lost (the place up to which hints are known to be lost).
-- @defines REDELIVERED order_key next_place advance_watermark lost_places
-- @include values
-- @keys lane lane_redelivery lane_set

REDELIVERED = 2 ^ 52
function order_key(lane, again) return again and lane_redelivery_key(lane) or lane_key(lane) end

-- The first of the next `count` places in an order of announcement.
function next_place(lane, again, count)
  local last = redis.call('HINCRBY', order_key(lane, again), 'sequence', count)
  return (again and REDELIVERED or 0) + last - count + 1
end

-- Hints are first in, first out. So when a job that was announced later was claimed a while ago, and this one
-- is still queued, its hint is lost. In a deep backlog no later job has been claimed, so none is announced
-- twice. Each Celery queue of a lane has its own watermark, because one may be served faster than the other.
function advance_watermark(lane, place)
  local again = place >= REDELIVERED
  local sequence = again and place - REDELIVERED or place
  local claimed = number(redis.call('HGET', order_key(lane, again), 'claimed'))
  if sequence > claimed then
    redis.call('HSET', order_key(lane, again), 'claimed', whole(sequence))
  end
end

-- The first and the last place of those queued jobs whose hints are lost: up to the watermark of `grace` ms
-- ago; or, when the Celery queue has been empty for so long, up to the last place of that time. The last
-- place never falls: jobs that are announced again get higher places, so when many hints are lost, each
-- tick moves some.
function lost_places(lane, again, waiting, now, grace)
  local key, first = order_key(lane, again), again and REDELIVERED or 0
  local claimed, mark, mark_at, idle_at, idle_sequence, sequence, known = unpack(
    redis.call('HMGET', key, 'claimed', 'mark', 'mark_at', 'idle_at', 'idle_sequence', 'sequence',
      'lost'))
  -- A time in the future means that the clock was set back since: start again.
  if number(mark_at) > now then mark, mark_at = 0, 0 end
  if number(idle_at) > now then idle_at = false end
  local below = number(known)
  if now - number(mark_at) >= grace then
    below = math.max(below, number(mark))
    redis.call('HSET', key, 'mark', claimed or 0, 'mark_at', whole(now))
  end
  local last = whole(first + number(sequence))
  local queued = redis.call('ZCOUNT', lane_set_key(lane, 'queued'), whole(first), last)
  if waiting > 0 or queued == 0 then
    redis.call('HDEL', key, 'idle_at', 'idle_sequence')
  elseif not idle_at then
    redis.call('HSET', key, 'idle_at', whole(now), 'idle_sequence', sequence or 0)
  elseif now - number(idle_at) >= grace then
    below = math.max(below, number(idle_sequence))
    redis.call('HDEL', key, 'idle_at', 'idle_sequence')
  end
  if below > 0 then redis.call('HSET', key, 'lost', whole(below)) end
  return whole(first), whole(first + below)
end
