"""What worker, gateway and command line tell an operator: by listeners on events.

settings  of every process of rerankq's own
logs      the lines that it writes to stderr
metrics   for Prometheus; only imported where they are switched on, as they need a library
traces    by OpenTelemetry; only imported where they are switched on

The client does not import it: a producer's process logs as its own program does.
"""
