-- Fair shares: which queued jobs of tenants a claim takes. A hint that names a tenant's job is the right to one
-- job of some tenant of its lane: a slot. Whose job it gets is decided here by deficit round robin: each visit to
-- a tenant adds a quantum of tokens, times its weight, to what it may take, and it takes jobs while their
-- estimated tokens fit. A tenant without queued jobs leaves the round: what it does not use is the others'.
-- Of a lane's hash `shares`: for each tenant with queued jobs '<its turn>:<what is left of its share>'. Of the
-- hash `shared`: turn (the last one given), visiting (the tenant whose visit was cut short as all slots were
-- used), owed (slots that nobody could use). The set `turns` has the tenants with queued jobs.
-- @defines deal note_shares
-- @include claim/share
-- @keys shares turns lane_shared claimed

local REPEATED_MS, MOST_TENANTS, MOST_SERVED = 120 * 1000, 1000, 100
local notes = {}

-- The jobs that an earlier try of this claim was dealt, by their slots, and these jobs' ids. pcall: the key may be
-- of another type.
local function dealt_before(lane, claim)
  local by_slot, ids = {}, {}
  local stored = redis.pcall('HGETALL', claimed_key(lane, claim))
  for at = 1, #stored, 2 do
    by_slot[stored[at]], ids[stored[at + 1]] = stored[at + 1], true
  end
  return by_slot, ids
end

-- The slots that no earlier try of this claim has filled. The others get the same jobs again: what they were
-- dealt, or else their own.
local function free_slots(lane, claim, slots, begin)
  local free = {}
  local by_slot, ids = dealt_before(lane, claim)
  for _, slot in ipairs(slots) do
    local id = by_slot[slot] or not ids[slot] and slot
    if id and known_of(id) == nil then read_records({id}) end
    local job = id and known_of(id)
    if not job or job.state ~= 'running' or not begin(id, job, slot) then free[#free + 1] = slot end
  end
  return free
end

-- The tenants that have queued jobs, and those that the slots name, whatever became of the keys.
local function tenants_in(lane, slots)
  local names, seen = redis.call('ZRANGE', turns_key(lane), 0, MOST_TENANTS - 1), {}
  for _, name in ipairs(names) do seen[name] = true end
  for _, slot in ipairs(slots) do
    local job = known_of(slot)
    local name = job and job.state == 'queued' and text(job.tenant)
    if name and not seen[name] then
      seen[name], names[#names + 1] = true, name
    end
  end
  return names
end

-- Their shares in the order of their turns; new ones come last. Also the names of those new ones that are too
-- many for this claim.
local function shares_in_turn(lane, slots)
  local names, found = tenants_in(lane, slots), {}
  if #names == 0 then return found, {} end
  local stored = redis.pcall('HMGET', shares_key(lane), unpack(names))
  local order = {}
  for at, name in ipairs(names) do
    local turn, deficit = string.match(stored[at] or '', '^(%d+):(-?%d+)$')
    order[at] = {name, tonumber(turn) or math.huge, number(deficit)}
  end
  table.sort(order, function(one, other)
    return one[2] < other[2] or one[2] == other[2] and one[1] < other[1]
  end)
  local late = {}
  for at, each in ipairs(order) do
    local name, turn, deficit = unpack(each)
    if at <= MOST_SERVED then
      found[at] = share_of(lane, name, turn, deficit, #slots, #order)
    elseif turn == math.huge then
      late[#late + 1] = name
    end
  end
  return found, late
end

-- The slots that are left take the jobs that they name, if these are still queued: so jobs that are missing in
-- their tenant's queue are served too.
local function serve_named(shares, free, begin)
  local by_name, left = {}, {}
  for _, share in ipairs(shares) do by_name[share.name] = share end
  for _, slot in ipairs(free) do
    local job = known_of(slot)
    local share = job and job.state == 'queued' and by_name[job.tenant]
    if share and share.room > 0 and begin(slot, job, slot) then
      share.room = share.room - 1
    else
      left[#left + 1] = slot
    end
  end
  return left
end

-- One visit after the other, until the slots are used. Returns the tenant whose visit was cut short by that.
local function serve_in_turns(order, visiting, free, begin)
  local idle, visit = 0, 0
  while #free > 0 and #order > 0 do
    local share, before = table.remove(order, 1), #free
    if peek(share) then
      if share.name ~= visiting then grant(share, 1) end
      serve(share, free, begin)
      if #free == 0 and may_take(share) then return share.name end
      visit = visit + 1
      share.visit = visit
      idle = #free < before and 0 or idle + 1
      if peek(share) and share.room > 0 then order[#order + 1] = share end
    end
    visiting = nil
    if idle > 0 and idle >= #order then
      pass_rounds(order)
      idle = 0
    end
  end
  return nil
end

-- Gives the slots of a lane to jobs of its tenants. `begin(id, job, slot)` gives a job out, and returns whether it
-- did. `claim`: name of the request.
function deal(lane, claim, slots, begin)
  local free = free_slots(lane, claim, slots, begin)
  if #free == 0 then return end
  local shares, late = shares_in_turn(lane, free)
  local visiting = nil
  if #shares > 1 then
    local order = {}
    for _, share in ipairs(shares) do
      if share.room > 0 then order[#order + 1] = share end
    end
    visiting = serve_in_turns(order, redis.call('HGET', lane_shared_key(lane), 'visiting'), free, begin)
  end
  -- One tenant alone: first its jobs that were named, whose payloads are read already, then those in front.
  free = serve_named(shares, free, begin)
  for _, share in ipairs(shares) do serve_all(share, free, begin) end
  notes[#notes + 1] = {lane = lane, claim = claim, shares = shares, late = late, visiting = visiting, free = #free}
end

-- Writes what is left of each share, and new turns for the tenants that had theirs, behind those of new tenants.
local function note_turns(note)
  local shares, lane = note.shares, note.lane
  table.sort(shares, function(one, other)
    local first, second = one.visit or 0, other.visit or 0
    return first < second or first == second and one.name < other.name
  end)
  local given = #note.late + #shares
  local turn = redis.call('HINCRBY', lane_shared_key(lane), 'turn', given) - given
  for at, name in ipairs(note.late) do redis.call('HSET', shares_key(lane), name, whole(turn + at) .. ':0') end
  turn = turn + #note.late
  for at, share in ipairs(shares) do
    if not has_more(share) then
      redis.call('ZREM', turns_key(lane), share.name)
      redis.call('HDEL', shares_key(lane), share.name)
    else
      local is_given = share.turn < math.huge and not share.visit
      local kept = #shares > 1 and share.deficit or 0
      redis.call('ZADD', turns_key(lane), 0, share.name)
      redis.call('HSET', shares_key(lane), share.name,
        whole(is_given and share.turn or turn + at) .. ':' .. whole(kept))
    end
  end
  redis.call('HSET', lane_shared_key(lane), 'visiting', note.visiting or '')
end

local function note_dealt(note)
  local key = claimed_key(note.lane, note.claim)
  for _, share in ipairs(note.shares) do
    if #share.dealt > 0 then
      redis.call('HSET', key, unpack(share.dealt))
      redis.call('PEXPIRE', key, REPEATED_MS)
    end
  end
end

-- Called last, when all else is written.
function note_shares()
  for _, note in ipairs(notes) do
    local waits = false
    for _, share in ipairs(note.shares) do waits = has_more(share) or waits end
    -- Slots of hints that nobody could use, because tenants run as many jobs as they may: the sweep names as many
    -- jobs again when there is room.
    if waits and note.free > 0 then redis.call('HINCRBY', lane_shared_key(note.lane), 'owed', note.free) end
    note_turns(note)
    note_dealt(note)
  end
end
