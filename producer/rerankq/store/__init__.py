"""The one seam to Redis: connections, scripts, and foreign errors as ours.

address        what a Redis address says, read once for all libraries
store          commands and scripts, on connections of the running event loop
connections    who may use a connection, and what happens where no answer comes
per_loop       something of its own for each event loop
answers        what waits for an answer, and whether connections have to be made anew
on_connect     what is said first on every connection
connecting     errors that arise before a connection stands
first_contact  a first question, which tells a fault of the set-up
refusals       what Redis answers in place of a result, as our error with a way out
keys           what every key is called, in Python and in the scripts
script         a Lua script as a typed function
script_text    a script's text, put together from its files
lua/           what scripts of several rooms are made of
subscription   hearing what is published
clock          what Redis' clock shows
durability     whether Redis is set to keep what it is given
"""
