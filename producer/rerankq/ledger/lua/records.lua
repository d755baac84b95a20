-- The records of jobs: small JSON objects, so that one command reads or writes those of many jobs.
-- A script must not touch payloads and results without need: Lua hashes every byte of every string
-- that it meets, so they go past the scripts, as commands of the same transaction or round trip.
-- Defines is_open(state), read_records(ids), known_of(id) and write_record(id).
-- @include values
-- @include gathered
-- @keys job

-- Whether a job in that state has its end still before it.
local function is_open(state)
  return state == 'queued' or state == 'scheduled' or state == 'running'
end

local STATES = {queued = true, scheduled = true, running = true,
  succeeded = true, failed = true, cancelled = true, expired = true}
local LANES = {bulk = true, interactive = true}

-- The jobs that this script has to do with, by id: what their records say, with what the script
-- itself changed since. Where there is no record, or none that says where the job stands, stands
-- false: one damaged job must not stop those that a script handles with it. For the same reason no
-- field is taken for what it should be: `number` and `text` say whether it is.
local known = {}

local function decoded(stored)
  if not stored then return false end
  local sound, job = pcall(cjson.decode, stored)
  return sound and type(job) == 'table' and STATES[job.state] and LANES[job.lane] and job
end

-- Reads the records of those jobs. To be called first, for all that a script handles.
local function read_records(ids)
  for first = 1, #ids, 1000 do
    local keys = {}
    for at = first, math.min(first + 999, #ids) do keys[#keys + 1] = job_key(ids[at]) end
    for at, stored in ipairs(redis.call('MGET', unpack(keys))) do
      known[ids[first + at - 1]] = decoded(stored)
    end
  end
end

-- What is known of a job, false when it has no record.
local function known_of(id) return known[id] end

-- Gathers the writing of a job's record as it is now.
local function write_record(id) gather('MSET', job_key(id), encoded(known[id])) end
