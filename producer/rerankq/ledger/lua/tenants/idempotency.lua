-- The keys of idempotency: each tenant has a space of its own.
-- @defines idempotency_name
-- @keys idempotency tenant_idempotency

function idempotency_name(tenant, key)
  return tenant and tenant_idempotency_key(tenant, key) or idempotency_key(key)
end
