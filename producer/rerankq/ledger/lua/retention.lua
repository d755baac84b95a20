-- For how long results and records are kept.
-- @defines result_end record_end
-- @include batches

-- For how long a job's result is kept: its own retention, if it has one, in place of that of all.
local function result_kept(job, keep)
  local own = job.keep and number(job.keep) or 0
  return own > 0 and own or keep[1]
end

-- Until when a job's result is kept, in ms: for its retention from now on, and as long as a batch keeps it,
-- its own or the last one that adopted it. `but`: a batch that does not keep it any more.
function result_end(job, now, keep, but)
  local ends = now + result_kept(job, keep)
  for _, batch in ipairs({job.batch or '', job.adopted}) do
    if batch ~= but then ends = math.max(ends, batch_end(batch, now)) end
  end
  return ends
end

-- Until when its record is kept: longer than the result, so that a job whose result is
-- past its retention is still known.
function record_end(job, ended, result_ends, keep)
  local ends = result_ends + result_kept(job, keep)
  return job.state == 'failed' and math.max(ends, ended + keep[2]) or ends
end
