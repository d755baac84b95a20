-- Commands that a script gathers, to send them together.
-- @defines gather count count_move count_held carry_out
-- @include batches
-- @include batches/ended
-- @include usage
-- @keys batch batch_failed lane

-- The same command for many jobs is sent once with many arguments: a command costs Redis, and its
-- append-only file, more than its arguments. Commands go in the order in which each was first gathered.
local gathered, order, counted, held_by_lane = {}, {}, {}, {}

function gather(head, first, second)
  local pending = gathered[head]
  if not pending then
    pending = {}
    gathered[head] = pending
    order[#order + 1] = head
  end
  pending[#pending + 1] = first
  if second then pending[#pending + 1] = second end
end

-- Adds to a count of a batch.
function count(batch, field, by)
  local counts = counted[batch]
  if not counts then
    counts = {}
    counted[batch] = counts
  end
  counts[field] = (counts[field] or 0) + by
end

-- Counts that a job of a batch went from one place to another; `from`: nil for a new job. Queued
-- jobs are not counted: their number is the total less all others.
function count_move(batch, from, to)
  if not text(batch) or from == to then return end
  if from and from ~= 'queued' then count(batch, from, -1) end
  if to ~= 'queued' then count(batch, to, 1) end
end

-- Counts the jobs of a lane that are held back.
function count_held(lane, by) held_by_lane[lane] = (held_by_lane[lane] or 0) + by end

local function carry_out_counts(batch, counts)
  for field, by in pairs(counts) do
    -- pcall: a damaged count must not keep other jobs from ending.
    if by ~= 0 then redis.pcall('HINCRBY', batch_key(batch), field, by) end
  end
  if counts.failed and redis.call('PTTL', batch_failed_key(batch)) == -1 then
    redis.call('PEXPIRE', batch_failed_key(batch), math.max(redis.call('PTTL', batch_key(batch)), 1))
  end
  if counts.succeeded or counts.failed or counts.cancelled or counts.expired then note_ends(batch) end
end

function carry_out()
  for _, head in ipairs(order) do
    local command, key = string.match(head, '^(%u+) ?(.*)$')
    local pending = gathered[head]
    -- In portions, as Lua's stack bounds the arguments of a call. An even number does not split pairs.
    for at = 1, #pending, 1000 do
      local last = math.min(at + 999, #pending)
      if key == '' then
        redis.call(command, unpack(pending, at, last))
      else
        redis.call(command, key, unpack(pending, at, last))
      end
    end
  end
  for batch, counts in pairs(counted) do
    if batch_of(batch) then carry_out_counts(batch, counts) end
  end
  for lane, by in pairs(held_by_lane) do
    if by ~= 0 then redis.call('HINCRBY', lane_key(lane), 'held', by) end
  end
  gathered, order, counted, held_by_lane = {}, {}, {}, {}
  write_usage()
end
