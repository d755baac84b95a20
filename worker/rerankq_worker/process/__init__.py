"""The life of the process: its start, its signs of life, its end.

supervisor         a process for each lane, started again when it ends unasked
heartbeats         who gave a sign of life, and when
health             `/live` and `/ready` over HTTP
watchdog           sees that the worker works, and mends connections
duties             run beside the worker's own work, and have no end
restart            puts a new process in the place of this one
shutdown_deadline  sees that a worker that was asked to end does end
error_origin       where an unforeseen error arose
"""
