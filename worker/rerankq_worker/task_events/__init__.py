"""What Celery's monitors see of a worker: its jobs, and not the messages that name them.

fields        what Celery's task events say of a job
recorder      listens to what happens to jobs, and keeps it until it is sent
sender        sends many events in one message
heartbeat     how many jobs a worker's heartbeat counts
inspection    what `celery inspect` and `celery control` are answered
cancellation  cancels jobs that `celery control revoke` names
"""
