-- The records of jobs: small JSON objects, so that one command reads or writes those of many jobs.
-- Scripts avoid payloads and results, because Lua hashes every byte of every string that it gets: separate
-- commands of the same transaction or round trip read and write them.
-- @defines is_open known decoded read_records known_of write_record
-- @include values
-- @include gathered
-- @keys job

-- Whether a job in that state has not ended yet.
function is_open(state)
  return state == 'queued' or state == 'scheduled' or state == 'running'
end

local STATES = {queued = true, scheduled = true, running = true,
  succeeded = true, failed = true, cancelled = true, expired = true}
local LANES = {bulk = true, interactive = true}

-- The jobs that this script handles, by id: their records, with the script's own changes. False for a job
-- without a record, or with one that has no valid state and lane: one damaged job must not stop the others.
-- For the same reason `number` and `text` check each field that is read.
known = {}

-- What is stored as a record; false when it is none, or damaged.
function decoded(stored)
  if not stored then return false end
  local ok, job = pcall(cjson.decode, stored)
  return ok and type(job) == 'table' and STATES[job.state] and LANES[job.lane] and job
end

-- Reads the records of these jobs. A script calls it before `known_of`, for all jobs that it handles.
function read_records(ids)
  for first = 1, #ids, 1000 do
    local keys = {}
    for at = first, math.min(first + 999, #ids) do keys[#keys + 1] = job_key(ids[at]) end
    for at, stored in ipairs(redis.call('MGET', unpack(keys))) do
      known[ids[first + at - 1]] = decoded(stored)
    end
  end
end

-- The record of a job; false when it has none, or a damaged one.
function known_of(id) return known[id] end

-- Gathers the writing of a job's record as it is now.
function write_record(id) gather('MSET', job_key(id), encoded(known[id])) end
