-- What a tenant has in a lane.
-- @defines tenant_moved

-- A job of a tenant has moved: from the place `from`, nil for a new one, to the place `to`, by `score` if the
-- move gave it one. Only for jobs that have a tenant.
function tenant_moved(_, _, _, _, _) end
