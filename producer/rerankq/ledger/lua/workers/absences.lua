-- The workers whose lease of a job ran out, and which of them are dead. A lease also runs out when a worker
-- pauses or has a slow link. So a worker counts as dead only when it was silent for SILENT_LEASES; one that
-- is heard of again was not dead.
-- Fields of a job's record: away, a list of [name of a worker, the time in ms at which its lease ended];
-- lapsed, while the last of these leases has run out and nobody has claimed the job since.
-- @defines SILENT_LEASES absences note_absence
-- @include values
-- @keys last_heard

SILENT_LEASES = 5

-- Only the valid ones, because the record may be damaged.
local function stored_absences(job)
  local found = {}
  for _, each in ipairs(type(job.away) == 'table' and job.away or {}) do
    local is_valid = type(each) == 'table' and text(each[1]) and number(each[2]) > 0
    if is_valid then found[#found + 1] = {each[1], number(each[2])} end
  end
  return found
end

-- A worker that was heard of after its lease had ended is taken off the list.
-- Returns how many workers of the job have not been heard of since, and how many of these are dead.
function absences(job, now, lease)
  local before = stored_absences(job)
  local names, away, dead = {}, {}, 0
  for at, each in ipairs(before) do names[at] = each[1] end
  -- If the key is of another type, the answer is an error, without times.
  local heard = #names > 0 and redis.pcall('ZMSCORE', last_heard_key, unpack(names)) or {}
  for at, each in ipairs(before) do
    local heard_at = tonumber(heard[at]) or 0
    if heard_at <= each[2] then
      away[#away + 1] = each
      -- A worker without a time was silent at least since its lease ended.
      local silent_since = heard_at > 0 and heard_at or each[2]
      if now - silent_since >= SILENT_LEASES * lease then dead = dead + 1 end
    end
  end
  job.away = #away > 0 and away or nil
  return #away, dead
end

-- A worker that took its job back after an absence, and is away again, counts once.
function note_absence(job, ended)
  local worker, away = text(job.worker) or '', {}
  for _, each in ipairs(stored_absences(job)) do
    if each[1] ~= worker then away[#away + 1] = each end
  end
  away[#away + 1] = {worker, whole(ended)}
  job.away, job.lapsed = away, true
end
