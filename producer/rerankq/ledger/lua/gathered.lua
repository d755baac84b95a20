-- Commands that a script gathers, to be carried out together.
-- Defines gather(head, first, second), count_end(batch, state) and carry_out().
-- @include batches
-- @keys batch

-- What a script says of many jobs in the same words goes out as few commands: each costs Redis, and
-- its append-only file, more than what it says. In the order in which they were first gathered.
local gathered, order, counted = {}, {}, {}

local function gather(head, first, second)
  local pending = gathered[head]
  if not pending then
    pending = {}
    gathered[head] = pending
    order[#order + 1] = head
  end
  pending[#pending + 1] = first
  if second then pending[#pending + 1] = second end
end

-- One job more of a batch that came to that end.
local function count_end(batch, state)
  counted[batch] = counted[batch] or {}
  counted[batch][state] = (counted[batch][state] or 0) + 1
end

local function carry_out()
  for _, head in ipairs(order) do
    local command, key = string.match(head, '^(%u+) ?(.*)$')
    local pending = gathered[head]
    -- In portions, as Lua's stack bounds the arguments of a call; an even number keeps pairs whole.
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
      -- A count that is none any more must not cost others their end.
      for state, ended in pairs(ends) do redis.pcall('HINCRBY', batch_key(batch), state, ended) end
    end
  end
  gathered, order, counted = {}, {}, {}
end
