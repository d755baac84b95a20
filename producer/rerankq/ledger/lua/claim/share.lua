-- The share of one tenant in a claim: its queued jobs in their order, and what it may take.
-- @defines share_of peek has_more may_take grant serve serve_all pass_rounds
-- @include tenants/places
-- @include states
-- @keys tenant tenant_queue

-- QUANTUM is small, so that tenants take turns often; a job of many tokens then needs several visits. Each job
-- counts as LEAST_COST tokens at least, because every call has a cost of its own.
local QUANTUM, LEAST_COST, PASSED_OVER = 500, 100, 20
local LEAST_READ = 5

local function cost_of(job) return math.max(LEAST_COST, number(job.cost)) end

-- `slots`: how many jobs the claim gives out at most, to so many `tenants`. `turn`: infinite for a tenant that has
-- none yet.
function share_of(lane, name, turn, deficit, slots, tenants)
  local limits = redis.pcall('HMGET', tenant_key(name), 'weight', 'in_flight')
  local weight = number(limits[1])
  return {name = name, lane = lane, at = 1, turn = turn, deficit = deficit, dealt = {}, ids = {},
    most = slots + PASSED_OVER, portion = math.max(LEAST_READ, math.ceil(slots / tenants) + 1),
    weight = weight > 0 and weight or 1, room = in_flight_room(name, number(limits[2]))}
end

-- Reads the next jobs of the tenant's queue, a portion at a time: with many tenants, few of each are needed.
local function read_on(share)
  if share.is_whole or #share.ids >= share.most then return end
  local first, unread = #share.ids, {}
  local ids = redis.call('ZRANGE', tenant_queue_key(share.lane, share.name), first, first + share.portion - 1)
  for at, id in ipairs(ids) do
    share.ids[first + at] = id
    if known_of(id) == nil then unread[#unread + 1] = id end
  end
  share.is_whole = #ids < share.portion
  read_records(unread)
end

-- The tenant's first queued job that was not looked at yet: its id and record; nil when there is none.
function peek(share)
  while true do
    if not share.ids[share.at] then read_on(share) end
    local id = share.ids[share.at]
    if not id then return nil end
    local job = known_of(id)
    if job and job.state == 'queued' and job.lane == share.lane and job.tenant == share.name then return id, job end
    -- A job that runs was given out by this claim. Any other whose record does not fit this queue was moved by
-- something else, and leaves the queue.
    if not job or job.state ~= 'running' then
      gather('ZREM ' .. tenant_queue_key(share.lane, share.name), id)
    end
    share.at = share.at + 1
  end
end

-- Whether the tenant may have more queued jobs than those that were given out: yes if its queue was not read to its
-- end, as when no slot was left for it.
function has_more(share)
  return #share.ids == 0 and not share.is_whole or peek(share) ~= nil or share.was_passed_over or not share.is_whole
end

function may_take(share)
  local _, job = peek(share)
  return job ~= nil and share.room > 0 and cost_of(job) <= share.deficit
end

-- Adds to what the tenant may take, as `rounds` visits do.
function grant(share, rounds) share.deficit = share.deficit + rounds * QUANTUM * share.weight end

-- Gives the tenant's first job the first of the free slots. A job that may not begin is passed over: it is of a
-- paused batch, past its deadline, or a suspect.
local function serve_one(share, free, begin)
  local id, job = peek(share)
  share.at = share.at + 1
  if not begin(id, job, free[1]) then
    share.was_passed_over = true
    return
  end
  local slot = table.remove(free, 1)
  share.room, share.deficit = share.room - 1, share.deficit - cost_of(job)
  if slot ~= id then
    share.dealt[#share.dealt + 1] = slot
    share.dealt[#share.dealt + 1] = id
  end
end

-- Serves the tenant while there are slots, and its share lasts.
function serve(share, free, begin)
  while #free > 0 and may_take(share) do serve_one(share, free, begin) end
end

-- The same, whatever its share.
function serve_all(share, free, begin)
  while #free > 0 and share.room > 0 and peek(share) do serve_one(share, free, begin) end
end

-- Rounds in which no tenant could take a job are passed over at once: each is granted what it would have got
-- until the first one can take one at its next visit.
function pass_rounds(order)
  local rounds = math.huge
  for _, share in ipairs(order) do
    local _, job = peek(share)
    local lacks = cost_of(job) - share.deficit
    rounds = math.min(rounds, math.max(0, math.ceil(lacks / (QUANTUM * share.weight)) - 1))
  end
  for _, share in ipairs(order) do grant(share, rounds) end
end
