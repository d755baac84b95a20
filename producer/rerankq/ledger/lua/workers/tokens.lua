-- The fencing token, by which a worker shows that a job is still its own.
-- @defines token_of held_job reported_job
-- @include records
-- @include values

-- The fencing token of a job's last claim: the number of claims, and the claim's own random name. The
-- number alone could come again for another worker, after Redis went back to an older state.
function token_of(job)
  return number(job.claims) % 2 ^ 21 * 2 ^ 32 + (tonumber(text(job.request) or '', 16) or 0)
end

-- The job that the holder of `token` is running, else nil. A job whose lease ran out still belongs to its
-- holder until another worker claims it: so a call that is already paid for is not thrown away.
function held_job(id, token)
  local job = known_of(id)
  local is_held = job and (job.state == 'running' or job.lapsed == true and is_open(job.state))
  return is_held and token_of(job) == token and job or nil
end

-- The job that was the holder's when it ended, by a cancellation or a deadline; else nil. Its worker may still tell
-- what its call has used.
function reported_job(id, token)
  local job = known_of(id)
  return job and not is_open(job.state) and token_of(job) == token and job or nil
end
