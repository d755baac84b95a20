"""The seam to Celery: a message comes in, its jobs are executed, and Celery gets the outcome.

broker            kombu's Redis transport, which quarantines messages that are no hints
connection_watch  tells when the connection for messages is lost, and when there is one again
envelope          checks whether a message is a hint
reconnecting      connects to the broker again soon after the connection was lost
pool              a Celery pool that runs on one asyncio loop
tasks             the task that a hint calls
"""
