-- Deliveries that wait for a target: when they are looked at next, and how they leave.
-- @defines look_again leave forget
-- @include values
-- @keys outbox outbox_due outbox_size

-- Sets when a target is looked at next: when its first delivery is due, but not before `earliest`.
function look_again(kind, target, earliest)
  local first = redis.call('ZRANGE', outbox_due_key(kind, target), 0, 0, 'WITHSCORES')
  if first[1] then
    redis.call('ZADD', outbox_key(kind), whole(math.max(number(first[2]), earliest)), target)
  else
    redis.call('ZREM', outbox_key(kind), target)
  end
end

-- Removes a delivery from the outbox.
function leave(kind, event, target)
  if redis.call('ZREM', outbox_due_key(kind, target), event) == 1 then
    redis.call('HINCRBY', outbox_size_key, kind, -1)
  end
end

-- Removes all deliveries for a target.
function forget(kind, target)
  local key = outbox_due_key(kind, target)
  redis.call('HINCRBY', outbox_size_key, kind, -redis.call('ZCARD', key))
  redis.call('UNLINK', key)
  redis.call('ZREM', outbox_key(kind), target)
end
