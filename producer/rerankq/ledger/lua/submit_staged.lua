-- Records jobs whose payloads were staged just before, in the same transaction, by one MSETNX together with
-- a mark: Lua would hash every byte of them. If the mark is there, all payloads are, and all jobs are new.
-- If not, some job is known already, and MSETNX set nothing: then this does nothing, and the payloads have
-- to be sent with the call (`submit`).
-- @argument most number: most unfinished jobs that a lane may hold
-- @argument jobs json: a list of {id, lane} and, where given, deadline (ms from now), not_before (time in
--   ms), batch, custom, key (for idempotency) with fingerprint (of the request), bytes (of a large
--   payload), keep (ms for its result), tenant, cost (its estimated tokens), callbacks (a list of targets): one
--   argument, because many would cost the client more than all else
-- @argument mark text: key of the mark
-- @answer texts: none when the mark is not there; else as `submit`
-- @include submit/recording
if redis.call('DEL', mark) == 0 then return {} end
return submit(nil)
