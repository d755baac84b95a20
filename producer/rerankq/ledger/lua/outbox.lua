-- Deliveries: who is told of an end, by a webhook or by a Celery task. They are written in the same step as the
-- end: none is missing, and none tells of an end that was not written.
-- @defines names_unknown_webhook post_job_end post_batch_end
-- @include clock
-- @include values
-- @keys outbox outbox_due outbox_size delivery webhook tenant_webhooks

local KEPT_MS = 4 * 24 * 3600 * 1000 -- a delivery is tried for a day, and can be sent again for three more
local MOST_OF_AN_ENDPOINT, MOST_OF_ALL = 100000, 1000000

-- Whether one of the targets is a webhook that there is not, or that is another tenant's. `tenant`: nil for the
-- operator.
function names_unknown_webhook(targets, tenant)
  for _, each in ipairs(targets) do
    if each.webhook then
      local url, owner = unpack(redis.pcall('HMGET', webhook_key(each.webhook), 'url', 'tenant'))
      if not url or tenant and owner ~= tenant then return true end
    end
  end
  return false
end

-- A delivery waits with the others for its target, so that each target has its turn, however many wait for
-- another. Returns whether there was room for it. pcall: the key of a target may hold a value of another type,
-- which must not hold up an end.
local function add(kind, event, target, delivery, now)
  if number(redis.call('HGET', outbox_size_key, kind)) >= MOST_OF_ALL then return false end
  local added = redis.pcall('ZADD', outbox_due_key(kind, target), whole(now), event)
  if type(added) == 'table' then return false end
  redis.call('SET', delivery_key(event, target), cjson.encode(delivery), 'PX', KEPT_MS)
  if added == 1 then redis.call('HINCRBY', outbox_size_key, kind, 1) end
  -- LT: if the target is to be looked at earlier, that stays.
  redis.call('ZADD', outbox_key(kind), 'LT', whole(now), target)
  return true
end

-- Posts to a webhook, if it is to be told: it exists, is not disabled, and is the tenant's own or the
-- operator's. pcall: its key may hold a value of another type.
local function post_to_endpoint(endpoint, event, delivery, now)
  local url, owner, disabled = unpack(redis.pcall('HMGET', webhook_key(endpoint), 'url', 'tenant', 'disabled'))
  if not url or (disabled or '') ~= '' then return end
  if (owner or '') ~= '' and owner ~= (delivery.tenant or '') then return end
  local waiting = redis.pcall('ZCARD', outbox_due_key('http', endpoint))
  local is_room = type(waiting) == 'number' and waiting < MOST_OF_AN_ENDPOINT
  if is_room and add('http', event, endpoint, delivery, now) then return end
  redis.call('HINCRBY', webhook_key(endpoint), 'dropped', 1)
end

-- Posts to the targets that a job or a batch names; `told`: endpoints that need not be told again.
local function post_to_targets(targets, event, delivery, now, told)
  if type(targets) ~= 'table' then return end
  for _, each in ipairs(targets) do
    local endpoint, task = text(each.webhook), text(each.task)
    if endpoint and not told[endpoint] then
      told[endpoint] = true
      post_to_endpoint(endpoint, event, delivery, now)
    elseif task and not delivery.tenant then
      -- A tenant sends no tasks into the operator's own applications.
      add('celery', event, task .. ' ' .. (text(each.queue) or ''), delivery, now)
    end
  end
end

-- Whether an endpoint wants to hear of every event of that type.
local function is_subscribed(endpoint, kind)
  local events = redis.pcall('HGET', webhook_key(endpoint), 'events')
  return text(events) and string.find(' ' .. events .. ' ', ' ' .. kind .. ' ', 1, true)
end

local function delivery_of(kind, id, tenant, now)
  return {type = kind, id = id, tenant = tenant, created = now, tries = 0}
end

-- The end of a job is told to the targets that the job names.
function post_job_end(id, job, state, now)
  local delivery = delivery_of('job.' .. state, id, text(job.tenant), now)
  delivery.trace = text(job.trace)
  post_to_targets(job.callbacks, 'evt_job_' .. id, delivery, now, {})
end

local TYPES = {completed = 'batch.completed', cancelled = 'batch.cancelled', expired = 'batch.expired',
  abandoned = 'batch.failed'}

-- The end of a batch is told to the targets that it names, and to all subscribed endpoints of its tenant and
-- of the operator. `callbacks`: the targets as JSON, or ''.
function post_batch_end(batch, tenant, state, callbacks, now)
  local delivery, event, told = delivery_of(TYPES[state], batch, text(tenant), now), 'evt_batch_' .. batch, {}
  local is_json, targets = pcall(cjson.decode, text(callbacks) or '[]')
  if is_json then post_to_targets(targets, event, delivery, now, told) end
  for _, owner in ipairs(delivery.tenant and {delivery.tenant, ''} or {''}) do
    local endpoints = redis.pcall('SMEMBERS', tenant_webhooks_key(owner))
    for _, endpoint in ipairs(endpoints.err and {} or endpoints) do
      if not told[endpoint] and is_subscribed(endpoint, delivery.type) then
        told[endpoint] = true
        post_to_endpoint(endpoint, event, delivery, now)
      end
    end
  end
end
