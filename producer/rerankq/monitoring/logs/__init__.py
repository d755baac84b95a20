"""The log of rerankq's own processes: to stderr, text for people or JSON for machines.

set_up    where lines go, how they look, and which of them
access    a line for each request over HTTP
options   the options of commands
handler   hands lines to the writer, without those that tell nothing
lines     a record as a line of text or JSON
fields    the fields of a JSON line
masks     blanks out secrets
bursts    one line in place of many similar ones
writer    writes lines in a thread, so that no process waits for its log
"""
