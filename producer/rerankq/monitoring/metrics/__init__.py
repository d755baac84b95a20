"""Metrics for Prometheus. `docs/monitoring.md` describes each of them.

catalogue        all metrics: name, kind, labels, buckets, and what they mean
children         the children of a metric by their labels, so many at most
histogram        histograms without a lock
registry         one registry a process, and its text
jobs             listens to the jobs of a worker or a client
deliveries       listens to webhooks and callbacks
upstream         listens to calls, permits and breakers
shadows          listens to copies of jobs for a site that is tried out
worker           listens to the worker itself
gateway          listens to the requests of a gateway
loop_lag         measures how late the event loop is
ledger_reading   reads the whole ledger at once
ledger_gauges    shows that reading, in one process of all
redis_gauges     memory and persistence of Redis
desired_workers  how many workers a lane needs
turn             which process shows the ledger
"""
