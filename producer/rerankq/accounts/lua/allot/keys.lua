-- The keys of the account: which of them gave rankings lately, and what is at fault when one is refused.
-- A key that is refused to one worker while other workers get rankings with it is in order.
-- Defines keys: served (fingerprints of those that ranked lately), verdicts (by fingerprint of a key that is
-- refused to this worker: 'worker' or 'key', whichever is at fault, once that is known) and note().
-- Fields of the record: served (JSON: by fingerprint, when the last call that got a ranking had begun),
-- took (ms of the longest of these calls, decaying), keys_refused (JSON: by fingerprint, the workers whose
-- calls are all refused with the key: since when, and when they last reported it).
-- @defines keys

keys = {served = {}, verdicts = {}}

local LATELY_MS, TOOK_FADES_MS, MOST_KEYS, MOST_REPORTS = 60000, 180000, 50, 8
local REPORT_MS = 3000     -- how long a report of a refusal counts; a worker that is refused reports more often
local ROW_MS = 1000        -- refusals of one moment are no proof against a worker
local SLACK_MS = 500       -- reports take time: a ranking and a refusal this close count as simultaneous
local LONE_MS = 2500       -- by then, workers that get rankings have reported them: they do so every two seconds
-- The same when it is not known how long an answer takes, and other workers wait for theirs.
local UNKNOWN_MS, MOST_TOOK_MS = 10000, 30000

local function table_of(stored)
  local ok, found = pcall(cjson.decode, stored or '{}')
  return ok and type(found) == 'table' and found or {}
end

local function note_served()
  state.took = math.max(report.took_ms or 0, faded('took', TOOK_FADES_MS))
  local at = table_of(state.served)
  for name, age in pairs(report.served or {}) do
    -- A worker of an earlier version reports the keys without their ages.
    if type(name) == 'number' then name, age = age, 0 end
    at[name] = math.max(number(at[name]), now - number(age))
  end
  local kept = {}
  for name, when in pairs(at) do
    local is_late = now - number(when) > LATELY_MS + state.took or #keys.served >= MOST_KEYS
    if type(name) == 'string' and not is_late then
      kept[name] = number(when)
      keys.served[#keys.served + 1] = name
    end
  end
  state.served = next(kept) and cjson.encode(kept) or nil
  return kept
end

-- How many workers report that the key is refused to them since it last gave a ranking.
local function reports_since(good_at, reports)
  local count = 0
  for _, each in pairs(reports) do
    if number(each.began) > good_at then count = count + 1 end
  end
  return count
end

local function verdict(ms, good_at, reports)
  if good_at >= now - ms + SLACK_MS then return ms >= ROW_MS and 'worker' or nil end
  if reports_since(good_at, reports) > (others + 1) / 2 then return 'key' end
  local took = 2 * math.min(state.took, MOST_TOOK_MS)
  local mine = tonumber(redis.call('HGET', slots_key, worker) or 0)
  if good_at == 0 and state.held > mine then took = UNKNOWN_MS end
  return ms >= LONE_MS + took and 'key' or nil
end

local function note_refused(served)
  local mine = report.refused or {}
  if not next(mine) and not state.keys_refused then return end
  local refused, kept = table_of(state.keys_refused), {}
  for name, reports in pairs(refused) do
    local live, count = {}, 0
    for who, each in pairs(type(reports) == 'table' and reports or {}) do
      local is_valid = type(each) == 'table' and now - number(each.at) <= REPORT_MS
      if is_valid and who ~= worker and count < MOST_REPORTS then live[who], count = each, count + 1 end
    end
    if type(name) == 'string' and next(live) then kept[name] = live end
  end
  for name, ms in pairs(mine) do
    kept[name] = kept[name] or {}
    kept[name][worker] = {began = now - number(ms), at = now}
    keys.verdicts[name] = verdict(number(ms), number(served[name]), kept[name])
  end
  state.keys_refused = next(kept) and cjson.encode(kept) or nil
end

function keys.note()
  local served = note_served()
  if worker ~= '' then note_refused(served) end
end
