-- Does as the ledger's scripts do: asks for keys of several slots, which no cluster allows, and sends a
-- command that writes, but nothing.
-- @answer flag: 0, as there is none
-- @keys lane first_contact
redis.call('EXISTS', lane_key('bulk'), lane_key('interactive'))
return redis.call('EXPIRE', first_contact_key, 1)
