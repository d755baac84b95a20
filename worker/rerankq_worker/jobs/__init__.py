"""A job in a worker's hands: claimed, attempted, ended.

executor      claims the jobs of a hint, and starts them
attempts      one job: a permit, a call, an end, or another attempt later
rerank        the call itself: request in, ranking or error out
retry         whether and when a failed attempt is repeated
in_flight     the jobs in hand, with their leases
lease_keeper  renews the leases
completer     writes ends, many at a time
last_write    writes ends on connections of its own, before the process is replaced
reconciler    announces again what has got lost
"""
