-- What calls have used: one row for each tenant, site, key and model, by the day (UTC, by Redis' clock) on which
-- the ledger learned of it, and for each batch as a whole. A row is named '<tenant> <site> <key> <model>'. Its value
-- is numbers, in the order of `ledger.usage.Usage`; a newer version may append some, which others leave as they are.
-- Of a job's record: unsure (the day on which its call was counted as uncertain, while its worker may still tell),
-- retries (its calls that brought no ranking), at_once (how many calls its worker makes at once).
-- @defines keep_usage count_usage doubt_call settle_call note_reported write_usage
-- @include clock
-- @include iso_time
-- @include values
-- @include batches
-- @include budgets/spending
-- @keys job usage batch

local DAY_MS, KEPT_DAYS = 24 * 3600 * 1000, 400
local MOST_ROWS, MOST_BATCH_FIELDS = 2000, 250
local RETRIES, UNCERTAIN_CALLS, UNCERTAIN_TOKENS = 3, 4, 9
local days, batches, settled, kept_days, now, today = {}, {}, {}, nil, nil, nil

-- For how many days the counts of a day are kept, where the caller knows the setting.
function keep_usage(count) kept_days = count end

local function this_day()
  if not today then
    now = now_ms()
    today = string.sub(iso_time(now), 1, 10)
  end
  return today
end

-- Adds numbers to a row of a day or of a batch.
local function add(tables, name, row, values, sign)
  local rows = tables[name]
  if not rows then
    rows = {}
    tables[name] = rows
  end
  local sums = rows[row]
  if not sums then
    sums = {}
    rows[row] = sums
  end
  for at = 1, #values do sums[at] = (sums[at] or 0) + sign * values[at] end
end

local function count_in(day, job, place, values, sign)
  local row = (job.tenant and text(job.tenant) or '') .. ' ' .. place
  add(days, day, row, values, sign)
  if job.batch and text(job.batch) then add(batches, job.batch, row, values, sign) end
end

-- Counts what calls for a job have used. `entries`: a list of ['<site> <key> <model>', numbers]. The caller writes
-- the job's record afterwards.
function count_usage(job, entries)
  if type(entries) ~= 'table' then return end
  for _, entry in ipairs(entries) do
    local values = entry[2]
    if (values[RETRIES] or 0) > 0 then job.retries = number(job.retries) + values[RETRIES] end
    count_in(this_day(), job, entry[1], values, 1)
    spend(job, values)
  end
end

-- The call of a job that only its worker could tell of, or the several calls of a large job. Its tokens are known if they were counted at its submit.
local function count_unknown(day, job, sign)
  local values = {}
  for at = 1, UNCERTAIN_TOKENS do values[at] = 0 end
  values[UNCERTAIN_CALLS], values[UNCERTAIN_TOKENS] = math.max(1, number(job.at_once)), number(job.cost)
  count_in(day, job, '  ' .. (text(job.model) or ''), values, sign)
end

-- Counts a call that may have been made: the job leaves its worker, and the worker has not told of it.
function doubt_call(job)
  if job.state ~= 'running' or job.unsure or settled[job] then return end
  job.unsure = this_day()
  count_unknown(job.unsure, job, 1)
end

-- The worker tells of the job, or works on it again: then its call is not uncertain any more.
function settle_call(job)
  settled[job] = true
  if not job.unsure then return end
  if text(job.unsure) then count_unknown(job.unsure, job, -1) end
  job.unsure = nil
end

-- Counts what a worker tells of a job that ended while its call was under way, such as by a cancellation. Only once:
-- a repeat finds nothing that is unsure.
function note_reported(id, job, entries)
  if not job or not job.unsure or type(entries) ~= 'table' then return end
  settle_call(job)
  count_usage(job, entries)
  redis.pcall('SET', job_key(id), encoded(job), 'XX', 'KEEPTTL')
end

local function numbers(stored)
  local found = {}
  for each in string.gmatch(type(stored) == 'string' and stored or '', '%S+') do found[#found + 1] = number(each) end
  return found
end

local function joined(values)
  local told = {}
  for at, value in ipairs(values) do told[at] = whole(value) end
  return table.concat(told, ' ')
end

-- The row that a new one is added to once there are many: first that of its tenant, then one for all.
local function common_row(key, head, row, most)
  local size = redis.call('HLEN', key)
  if size < most then return row end
  local of_tenant = string.match(row, '^%S*') .. ' * * *'
  local has_one = redis.call('HGET', key, head .. of_tenant)
  return (has_one or size < 2 * most) and of_tenant or '* * * *'
end

local function write_row(key, field, values, stored)
  local sums = numbers(stored)
  for at, value in ipairs(values) do sums[at] = (sums[at] or 0) + value end
  redis.pcall('HSET', key, field, joined(sums))
end

-- Adds rows to a hash. pcall: it may be of another type, and what jobs did must be written all the same.
local function write_rows(key, head, rows, most)
  local names, fields = {}, {}
  for row in pairs(rows) do
    names[#names + 1], fields[#fields + 1] = row, head .. row
  end
  local stored = redis.pcall('HMGET', key, unpack(fields))
  if stored.err then return false end
  for at, row in ipairs(names) do
    if stored[at] then
      write_row(key, fields[at], rows[row], stored[at])
    else
      local field = head .. common_row(key, head, row, most)
      write_row(key, field, rows[row], redis.call('HGET', key, field))
    end
  end
  return true
end

local function expire(day, key)
  if day == today and kept_days then
    redis.call('PEXPIREAT', key, whole((math.floor(now / DAY_MS) + 1 + kept_days) * DAY_MS))
  elseif redis.call('PTTL', key) == -1 then
    redis.call('PEXPIRE', key, whole(KEPT_DAYS * DAY_MS))
  end
end

-- Writes all that was counted.
function write_usage()
  for day, rows in pairs(days) do
    if write_rows(usage_key(day), '', rows, MOST_ROWS) then expire(day, usage_key(day)) end
  end
  for batch, rows in pairs(batches) do
    if batch_of(batch) then write_rows(batch_key(batch), 'usage:', rows, MOST_BATCH_FIELDS) end
  end
  days, batches = {}, {}
end
