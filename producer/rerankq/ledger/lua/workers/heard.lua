-- When workers were last heard of: a sorted set, by time in ms.
-- Defines hear(worker, now).
-- @include values
-- @keys last_heard

-- A worker has shown that it is alive. Where that cannot be noted it goes on: no job is lost by it.
local function hear(worker, now) redis.pcall('ZADD', last_heard_key, whole(now), worker) end
