-- The end of a batch: no more jobs are added to it, and all that it has have ended.
-- @defines ended_batches note_ends
-- @include batches
-- @include outbox
-- @keys batch

-- The batches that this script has ended, each as [id, state, total, rejected, existing, succeeded, failed,
-- cancelled, expired]. A script that can end one gives them to its caller, who tells of it.
ended_batches = {}

local PACE_MS = 5000 -- from one sample of its speed to the next

-- The last two samples, each a time and how many had ended by then, after one more.
local function sampled(pace, now, ended)
  local at, count = string.match(pace or '', '(%d+) (%d+)$')
  local is_new = not at or now - tonumber(at) >= PACE_MS or tonumber(at) > now
  return is_new and table.concat({at or whole(now), count or whole(ended), whole(now), whole(ended)}, ' ')
end

local function end_state(now, cancelled_at, deadline, expired, cut)
  if number(cancelled_at) > 0 then return 'cancelled' end
  if number(deadline) > 0 and now >= number(deadline) and expired > 0 then return 'expired' end
  return cut and 'abandoned' or 'completed'
end

-- Looks whether a batch has ended, and samples its speed. For a batch that exists, after its counts or its seal
-- have changed.
function note_ends(batch)
  local now, key = now_ms(), batch_key(batch)
  local fields = redis.call('HMGET', key, 'total', 'rejected', 'existing', 'succeeded', 'failed', 'cancelled',
    'expired', 'ended_at', 'sealed', 'deadline', 'cancelled_at', 'cut', 'pace', 'tenant', 'callbacks')
  local row, ended = {}, 0
  for at = 1, 7 do
    row[at] = number(fields[at])
    if at > 1 then ended = ended + row[at] end
  end
  local ended_at, sealed, deadline, cancelled_at, cut, pace, tenant, callbacks = unpack(fields, 8, 15)
  if ended_at then return end
  local is_closed = sealed == '1' or number(deadline) > 0 and now >= number(deadline)
  if is_closed and ended >= row[1] then
    redis.call('HSET', key, 'ended_at', whole(now))
    local state = end_state(now, cancelled_at, deadline, row[7], cut)
    ended_batches[#ended_batches + 1] = {batch, state, unpack(row)}
    -- A batch that was cut at its deadline was abandoned because of that.
    local is_late = state == 'abandoned' and number(deadline) > 0 and now >= number(deadline)
    post_batch_end(batch, tenant, is_late and 'expired' or state, callbacks, now)
    return
  end
  local new = ended > 0 and sampled(pace, now, ended)
  if new then redis.call('HSET', key, 'pace', new) end
end
