"""The command line `rerankq`.

Exit codes: 0 all well, 1 a job has no ranking, 2 bad input or set-up, 70 a fault in rerankq.

entry       the way in: imports the rest
main        the one error boundary: an error becomes one line and an exit code
commands    the table of commands; each is imported only when it is called
settings    what the command line reads from environment and `.env`
failures    errors of the command line, and the exit code of every error
terminal    where lines for the user go
options     options that several commands have
asking      calls of the client, for commands that ask once
patience    how long a command bears with a Redis that went away
standard_streams  tables  times         what is shown, and where

batch/      `run` and `results`         input/   what they read
job/        one job                     rows/    what they write
operate/    for whoever runs the service
demo/       everything at once, on a machine with nothing
"""

from rerankq.working_folder import leave_out_working_folder

# Here, before any module of the command line asks for what is not of Python itself.
leave_out_working_folder()
