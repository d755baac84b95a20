-- Records jobs whose payloads came just before, in the same transaction, by one MSETNX together with a
-- mark. Where the mark is, all of them are there, and none was before. Where it is not, some job is
-- known already, nothing was set, and so nothing is done: then the payloads are to be sent with the
-- call. Lua would hash every byte of them.
-- @argument most number: most unfinished jobs that a lane may hold
-- @argument jobs json: a list of {id, lane} and, where given, deadline (ms from now), not_before (time in
--   ms), batch, custom, key (for idempotency) with fingerprint (of the request), bytes (of a large
--   payload): one argument instead of many, which would cost the client more than all else
-- @argument mark text: key of the mark
-- @answer texts: none where the mark is not there; else as `submit`
-- @include submit/recording
if redis.call('DEL', mark) == 0 then return {} end
return submit(nil)
