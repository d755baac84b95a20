"""The command line `rerankq`.

Exit codes: 0 all well, 1 a job has no ranking, 2 bad input or set-up, 70 a fault in rerankq.

entry             the entry point: imports the rest
main              the one error boundary: an error becomes one line and an exit code
commands          the table of commands; each is imported only when it is called
settings          what the command line reads from environment and `.env`
failures          errors of the command line, and the exit code of every error
asking            runs one call of the client
options           options that several commands share
tenant_option     `--tenant`, which several commands share
argument_text     checks that arguments are text
terminal          writes lines for the user
standard_streams  makes stdin, stdout and stderr safe to use
tables            tables on stdout
times             times as people read and type them

batch/            `run`, `results` and `batch`
plan/             `plan`: what a file of jobs will cost
job/              one job, and lists of jobs
input/            what `run` reads
rows/             what `run` and `results` write
operate/          for operators of the service
up/               `up`: the whole service on one machine
demo/             `demo`: everything at once, on a machine without a set-up
stack/            the parts of a whole service, as processes of one command
"""

from rerankq.working_folder import leave_out_working_folder

# Before any module of the command line imports something that is not part of Python itself.
leave_out_working_folder()
