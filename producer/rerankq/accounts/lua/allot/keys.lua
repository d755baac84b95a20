-- The keys of the account: by which of them rankings were given lately, and whose fault it is when one
-- is refused. A key that is refused to one worker, while calls of others by it are ranked, is well.
-- Defines keys: served (fingerprints of those that ranked lately), verdicts (by fingerprint of a key that is
-- refused to this worker: 'worker' or 'key', whichever is at fault, once that is known) and note().
-- Of the record: served (JSON: by fingerprint when the last call that was ranked had begun), took (ms of
-- the longest of these calls, fading), keys_refused (JSON: by fingerprint the workers to which the key is
-- refused in a row; when the row began, and when they last said so).

local keys = {served = {}, verdicts = {}}

-- In a block, as Lua bounds the names of a script.
do
local LATELY_MS, TOOK_FADES_MS, MOST_KEYS, MOST_WORDS = 60000, 180000, 50, 8
local WORD_MS = 3000       -- a worker that is refused a key says so more often
local ROW_MS = 1000        -- refusals of one moment are no proof against a worker
local SLACK_MS = 500       -- reports travel: a ranking and a refusal this close are of one moment
local LONE_MS = 2500       -- until those that are ranked have said so; they come every two seconds
-- The same where nobody knows how long an answer takes, while others wait for theirs.
local UNKNOWN_MS, MOST_TOOK_MS = 10000, 30000

local function table_of(stored)
  local sound, found = pcall(cjson.decode, stored or '{}')
  return sound and type(found) == 'table' and found or {}
end

local function note_served()
  state.took = math.max(report.took_ms or 0, faded('took', TOOK_FADES_MS))
  local at = table_of(state.served)
  for name, age in pairs(report.served or {}) do
    -- A worker of an earlier version names the keys alone.
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

-- How many workers say that the key is refused to them since it last was good.
local function words_since(good_at, words)
  local count = 0
  for _, each in pairs(words) do
    if number(each.began) > good_at then count = count + 1 end
  end
  return count
end

local function verdict(ms, good_at, words)
  if good_at >= now - ms + SLACK_MS then return ms >= ROW_MS and 'worker' or nil end
  if words_since(good_at, words) > (others + 1) / 2 then return 'key' end
  local took = 2 * math.min(state.took, MOST_TOOK_MS)
  local mine = tonumber(redis.call('HGET', slots_key, worker) or 0)
  if good_at == 0 and state.held > mine then took = UNKNOWN_MS end
  return ms >= LONE_MS + took and 'key' or nil
end

local function note_refused(served)
  local mine = report.refused or {}
  if not next(mine) and not state.keys_refused then return end
  local refused, kept = table_of(state.keys_refused), {}
  for name, words in pairs(refused) do
    local live, count = {}, 0
    for who, each in pairs(type(words) == 'table' and words or {}) do
      local sound = type(each) == 'table' and now - number(each.at) <= WORD_MS
      if sound and who ~= worker and count < MOST_WORDS then live[who], count = each, count + 1 end
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

keys.note = function()
  local served = note_served()
  if worker ~= '' then note_refused(served) end
end

end
