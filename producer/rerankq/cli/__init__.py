"""The command line `rerankq`.

Exit codes: 0 all well, 1 a job has no ranking, 2 bad input or set-up, 70 a fault in rerankq.

entry       the way in: imports the rest
main        the one error boundary: an error becomes one line and an exit code
commands    the table of commands; each is imported only when it is called
settings    what the command line reads from environment and `.env`
failures    errors of the command line, and the exit code of every error
terminal    where lines for the user go
run         `run` and `results`: the commands over a batch
files  input_formats  decompression  reading_ahead  lines  drafts  incoming  feed
            input: bytes -> lines -> jobs -> batch
collect  open_entries  row_reader  rows  ordered_output  spool
            output: batch -> rows as their jobs end -> lines, in order
session  interrupts  patience           both at once, with Ctrl-C and a Redis that went away
progress  pace  tally  waiting_room  summary  closing
            what the user sees of it
submit  jobs  ranking                   one job: submit, status, result, cancel
tables  times  standard_streams         what is shown, and where
schema  flower  monitor                 JSON Schemas; Flower for this broker
demo/                                   everything at once, on a machine with nothing
"""

from rerankq.working_folder import leave_out_working_folder

# Here, before any module of the command line asks for what is not of Python itself.
leave_out_working_folder()
