"""The one seam to Redis: connections, scripts, and the redis library's errors mapped to ours.

address            reads a Redis address, once for all libraries
address_options    reads the options of an address
separate_password  a password of Redis that is a setting of its own
sentinels          reads an address that names Sentinels
primary            asks Sentinels which server is the primary
store              commands and scripts, on connections of the running event loop
pools              connections to an address, as the redis library makes them
connections        calls share connections, and are repeated when no answer comes
write_concern      what a job must survive once submit has returned
confirmation       waits until disk or replicas have a write
per_loop           an object for each event loop
answers            which calls wait for an answer, and whether connections have to be made again
on_connect         what is sent first on every connection
connecting         errors before a connection is established
first_contact      a first call, which shows faults of the set-up
refusals           Redis' error replies as our errors, each with what to do
keys               the name of every key, in Python and in the scripts
script             a Lua script as a typed function
script_text        a script's text, put together from its files
lua/               parts that scripts of several packages share
subscription       listens to published messages
clock              an estimate of Redis' clock
durability         warns when Redis is configured to lose data
rights             which commands Redis forbids to this user
"""
