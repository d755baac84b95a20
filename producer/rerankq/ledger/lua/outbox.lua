-- Deliveries: who is told of an end, by a webhook or by a Celery task. They are written in the same step as the
-- end: none is missing, and none tells of an end that was not written.
-- @defines names_unknown_webhook post_job_end post_batch_end
-- @include clock
-- @include values
-- @keys outbox delivery webhook tenant_webhooks

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

-- A webhook's endpoint, if it is to be told: it exists, is not disabled, and is the tenant's own or the
-- operator's. pcall: its key may hold a value of another type.
local function endpoint_takes(id, tenant)
  local url, owner, disabled, pending = unpack(redis.pcall('HMGET', webhook_key(id),
    'url', 'tenant', 'disabled', 'pending'))
  if not url or (disabled or '') ~= '' then return false end
  if (owner or '') ~= '' and owner ~= tenant then return false end
  if number(pending) < MOST_OF_AN_ENDPOINT then return true end
  redis.call('HINCRBY', webhook_key(id), 'dropped', 1)
  return false
end

local function add(kind, event, target, delivery, now)
  if redis.call('ZCARD', outbox_key(kind)) >= MOST_OF_ALL then return end
  redis.call('SET', delivery_key(event, target), cjson.encode(delivery), 'PX', KEPT_MS)
  redis.call('ZADD', outbox_key(kind), whole(now), event .. ' ' .. target)
end

local function post_to_endpoint(endpoint, event, delivery, now)
  if not endpoint_takes(endpoint, delivery.tenant or '') then return end
  add('http', event, endpoint, delivery, now)
  redis.call('HINCRBY', webhook_key(endpoint), 'pending', 1)
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
