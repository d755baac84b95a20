"""Whether Redis can hold a ledger: one module for each question to it.

server       what it is, and whether it takes writes
persistence  what it loses when it ends
durability   whether a submit can wait for what it has to survive
memory       how full it is, and what it drops then
rights       what this user may not do, by role
sentinels    whether all of them answer, and name the same primary
replicas     how far they are behind
clock        the difference to this machine's clock
latency      how long it takes to answer
keyspace     whose keys it holds
"""
