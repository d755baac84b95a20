"""The command line `rerankq`.

Exit codes: 0 all well, 1 a job has no ranking, 2 bad input or set-up, 70 a fault in rerankq.

entry       the entry point: imports the rest
main        the one error boundary: an error becomes one line and an exit code
commands    the table of commands; each is imported only when it is called
settings    what the command line reads from environment and `.env`
failures    errors of the command line, and the exit code of every error
terminal    writes lines for the user
options     options that several commands share
asking      runs one call of the client
argument_text     checks that arguments are text
standard_streams  tables  times         what is shown, and where

batch/      `run` and `results`         input/   what they read
job/        one job                     rows/    what they write
operate/    for operators of the service
demo/       everything at once, on a machine without a set-up
"""

from rerankq.working_folder import leave_out_working_folder

# Before any module of the command line imports something that is not part of Python itself.
leave_out_working_folder()
