-- Calls in flight, shared out among the workers.
-- Defines share_slots(), which returns the reporting worker's slots, or nil without a limit.
-- Fields of the record: scarce_at (when a worker last got less than its fair share).
-- @defines most_slots slots_in_turns share_slots

function most_slots()
  local found = found_slots()
  return math.min(limits.concurrency or math.huge, found and math.floor(found) or math.huge)
end

-- Whether there are fewer slots than workers that want them.
function slots_in_turns() return most_slots() < active end

-- What each worker may have while one has less than its fair share: that share, and one more of those that
-- are left over when every worker has its share, unless the others have taken them.
local function even_share(limit, fair, mine)
  if limit < active then return fair end
  local left = limit - fair * active + math.max(0, mine - fair)
  for _, each in ipairs(redis.call('HVALS', slots_key)) do
    left = left - math.max(0, number(each) - fair)
  end
  return fair + math.max(0, math.min(1, left))
end

-- Slots are shared out evenly among the workers that want them. The share of one that wants fewer is lent
-- to the others.
function share_slots()
  local limit = most_slots()
  local mine = tonumber(redis.call('HGET', slots_key, worker) or 0)
  local given = report.in_flight
  if limit < math.huge then
    local free = limit - (state.held - mine)
    local fair = math.max(1, math.floor(limit / active))
    if report.lane == 'bulk' and now - (state.interactive_at or 0) < 5 * LANE_MS then
      free = free - math.min(limit - 1, math.ceil(BULK_SHARE * limit))
    end
    local scarce = now - (state.scarce_at or 0) < LANE_MS
    -- With fewer slots than workers, they take turns: a worker that has just had a slot leaves the next one
    -- to the others. So does one whose call failed: the others' calls show whether the upstream answers.
    local failed = report.trouble + report.unreached + (report.left_out or 0)
    local used = report.began + report.in_flight + report.ok + report.throttled + failed
    local stands_back = scarce and limit < active and used > 0
    local most = stands_back and 0 or scarce and even_share(limit, fair, mine) or limit
    -- The slot of a throttled call is not used again at once.
    if report.throttled > 0 then most = math.min(most, report.in_flight) end
    given = math.max(0, math.min(report.want_slots, free, most))
    if given < math.min(report.want_slots, fair) and not stands_back then state.scarce_at = now end
    if given < report.want_slots then state.crowded_at = now end
    if state.slots_found and crowded() then state.slots_age = state.slots_age + elapsed / 1000 end
  end
  -- Calls under way cannot be taken back: they count until they have ended.
  local held = math.max(given, report.in_flight)
  state.held = state.held - mine + held
  redis.call('HSET', slots_key, worker, held)
  return limit < math.huge and given or nil
end
