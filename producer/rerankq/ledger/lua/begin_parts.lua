-- Notes that the worker of a job makes several calls at once for it: by that it is known, if the worker dies, how
-- many calls may have been made that nobody can tell of. Safe to repeat.
-- @argument id text: the job
-- @argument token number: of the lease under which the calls are made
-- @argument most_calls number: so many calls at once
-- @answer flag: 1 when it is noted, 0 when it is not: also when Redis has no memory for it
-- @include records
-- @include workers/tokens
-- @keys job
read_records({id})
local job = held_job(id, token)
if not job then return 0 end
if job.at_once == most_calls then return 1 end
job.at_once = most_calls
local answer = redis.pcall('SET', job_key(id), encoded(job), 'XX', 'KEEPTTL')
return type(answer) == 'table' and answer.ok and 1 or 0
