-- Does what the ledger's scripts do, to see whether Redis allows it: reads keys of several slots, which no
-- cluster allows, and sends a writing command, for a key that does not exist.
-- @answer flag: 0, because there is no such key
-- @keys lane first_contact
redis.call('EXISTS', lane_key('bulk'), lane_key('interactive'))
return redis.call('EXPIRE', first_contact_key, 1)
