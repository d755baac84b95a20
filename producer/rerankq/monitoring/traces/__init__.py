"""Traces by OpenTelemetry: spans of requests, jobs, calls and callbacks, by listeners on events.

start       whether traces are wanted, without importing anything for those who do not want them
processes   the listeners of a worker, and of a gateway
sending     where spans go: sampled, gathered, sent by OTLP, and flushed at the end of the process
telling     says once that the collector cannot be reached
endpoint    where calls go
parents     the span that a job was submitted in
attributes  names of attributes
jobs        the spans of a worker's jobs
requests    the spans of requests over HTTP
deliveries  the spans of webhooks and callbacks

Only `start` and `endpoint` may be imported when the extra `traces` is not installed. The spans in
which jobs are submitted are the client's (`rerankq.client.traces`), in the trace of its program.
"""
