"""The Celery app that `rerankq flower` and `rerankq demo` look on through: no results."""

from kombu import Queue

from rerankq.broker.announce import celery_settings
from rerankq.broker.celery_app import IsolatedApp
from rerankq.contract import Lane


def watched(redis_url: str, namespace: str = "") -> IsolatedApp:
    """An app for looking on: Flower, which would show a result for a job's id, gets none."""
    queues = {"task_queues": [Queue(lane.queue) for lane in Lane]}
    return IsolatedApp(celery_settings(redis_url, namespace) | queues)
