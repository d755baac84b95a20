"""Celery's messages, from the producer's side: what is sent, and what Celery keeps in Redis.

names        exchanges, none of which another Celery app uses
app          a Celery app that the environment of another one cannot move
transport    kombu's Redis transport, connected as our address says
connections  kombu's connections, closed where it would leave them open
announce     sends hints: messages that only name jobs
backlog      how many messages wait in a lane's queue
quarantine   messages that were no hints
misdirected  messages that were sent to a lane without the client
pidbox       Celery's list of workers, emptied of those that were killed
lua/         its script
"""
