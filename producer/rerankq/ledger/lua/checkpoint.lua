-- Keeps what one call has brought for a job that needs several, until the job ends: a later attempt asks for the
-- rest only. Safe to repeat: the same call has the same name, and brings the same scores.
-- @argument id text: the job
-- @argument token number: of the lease under which the call was made
-- @argument part text: name of the call, made of its documents
-- @argument keep_ms number: how long it is kept, if the job does not end before
-- @argument used json: what this call and those before it have used, as `usage` expects it
-- @argument scores text: what the call has brought
-- @answer flag: 1 when it is kept, 0 when the job is no longer the caller's
-- @include records
-- @include workers/tokens
-- @include usage
-- @keys parts
read_records({id})
local job = held_job(id, token)
if not job then return 0 end
if job.parts ~= true then
  -- By this field the end of the job knows that there is something to delete.
  job.parts = true
  write_record(id)
  carry_out()
end
-- A part that is there already was counted with it.
if redis.call('HSET', parts_key(id), part, scores) == 1 then
  count_usage(job, used)
  write_record(id)
  carry_out()
end
redis.call('PEXPIRE', parts_key(id), keep_ms)
return 1
