"""What `rerankq doctor` looks at: whether this installation can serve, and what to do if not.

finding       what a check found: how bad it is, and what to do
check         a check, and what all checks are told
examination   runs checks side by side, each within its time
extras        the checks of the other packages, by entry point
settings      the variables of the environment and of `.env`
own           the checks that need no other package
redis_access  Redis, as all checks share it
blocking      runs what may block in a thread
redis         one module for each question to Redis
queues        what waits, and for whom
workers       which workers are about, and their versions
upstream      what workers say of accounts, keys and models upstream
machine       what this machine allows

A check asks those parts that the start of a program, or another command, asks as well. Worker and
gateway add their own checks, as this package may not import them.
"""
