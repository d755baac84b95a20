"""Celery's own task events, one set for each job: what Flower and `celery events` show.

fields     what the events say of a job
recorder   listens to what happens to jobs, and keeps it until it is sent
sender     sends many events in one message
"""
