"""The life of the process: start, heartbeats, shutdown. SIGTERM itself arrives in `consumer.pool`.

supervisor         runs a process for each lane, and restarts one that ended unexpectedly
heartbeats         when each part of the worker last showed that it runs
health             `/live` and `/ready` over HTTP
ledger_contact     tells when Redis answers again
watchdog           finds parts that hang, and renews their connections
duties             tasks that run beside the worker's own work, without end
restart            replaces this process by a new one
garbage            how often garbage is collected
shutdown_deadline  ends a worker whose shutdown takes too long
"""
