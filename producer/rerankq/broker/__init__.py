"""Celery's messages, from the producer's side: what is sent, and what Celery keeps in Redis.

names           names of exchanges that no other Celery app uses
celery_app      a Celery app that ignores the environment of other Celery apps
transport       kombu's Redis transport, connected by our address
connections     kombu's connections, closed when kombu would keep a useless one
announce        sends hints: messages that only name jobs
backlog         how many messages wait in a lane's queue
hint_reader     takes hints from the queues without Celery's worker
quarantine      messages that were no hints
misdirected     answers messages that were sent to a lane without the client
pidbox          deletes Celery's list of workers, which keeps killed workers for ever
callbacks       sends tasks of a user's own Celery application
event_messages  messages that carry Celery's events
lua/            the script
"""
