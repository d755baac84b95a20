-- Commands that a script gathers, to send them together.
-- @defines gather count_end carry_out
-- @include batches
-- @keys batch

-- The same command for many jobs is sent once with many arguments: a command costs Redis, and its
-- append-only file, more than its arguments. Commands go in the order in which each was first gathered.
local gathered, order, counted = {}, {}, {}

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

-- Counts one more job of a batch that ended in that state.
function count_end(batch, state)
  counted[batch] = counted[batch] or {}
  counted[batch][state] = (counted[batch][state] or 0) + 1
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
  for batch, ends in pairs(counted) do
    if is_batch(batch) then
      -- pcall: a damaged count must not keep other jobs from ending.
      for state, ended in pairs(ends) do redis.pcall('HINCRBY', batch_key(batch), state, ended) end
    end
  end
  gathered, order, counted = {}, {}, {}
end
