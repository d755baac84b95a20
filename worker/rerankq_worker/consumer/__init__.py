"""Celery's seam: a message comes in, its jobs are executed, Celery is told.

broker    the transport, which lets no message in that is none of ours
envelope  whether a message is a hint
pool      one asyncio loop behind Celery's pool
tasks     the task that a hint calls
"""
