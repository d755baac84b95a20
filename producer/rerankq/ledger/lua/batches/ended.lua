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

-- Whether its input is complete: somebody has sealed it, and has left nothing out.
local function is_complete(sealed, cut) return sealed == '1' and not cut end

-- How it has ended. After its deadline it has expired if that kept a job from running, or a line from becoming one.
local function end_state(is_late, cancelled_at, expired, complete)
  if number(cancelled_at) > 0 then return 'cancelled' end
  if is_late and (expired > 0 or not complete) then return 'expired' end
  return complete and 'completed' or 'abandoned'
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
  local is_late = number(deadline) > 0 and now >= number(deadline)
  if (sealed == '1' or is_late) and ended >= row[1] then
    local state = end_state(is_late, cancelled_at, row[7], is_complete(sealed, cut))
    -- The state is stored, because what comes later, such as a seal, must not change it.
    redis.call('HSET', key, 'ended_at', whole(now), 'ended_as', state)
    ended_batches[#ended_batches + 1] = {batch, state, unpack(row)}
    post_batch_end(batch, tenant, state, callbacks, now)
    return
  end
  local new = ended > 0 and sampled(pace, now, ended)
  if new then redis.call('HSET', key, 'pace', new) end
end
