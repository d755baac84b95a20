-- When workers were last heard of: a sorted set, by time in ms.
-- @defines hear
-- @include values
-- @keys last_heard

-- Notes that a worker is alive. pcall: if that cannot be noted, no job is lost by it.
function hear(worker, now) redis.pcall('ZADD', last_heard_key, whole(now), worker) end
