"""The Celery app with which `rerankq flower` and `rerankq demo` watch workers, without results."""

from kombu import Queue

from rerankq.broker.announce import celery_settings
from rerankq.broker.celery_app import IsolatedApp
from rerankq.contract import Lane


def watched(redis_url: str, namespace: str = "") -> IsolatedApp:
    """An app that only watches: Flower would show a job's result, so it has no results."""
    queues = {"task_queues": [Queue(lane.queue) for lane in Lane]}
    return IsolatedApp(celery_settings(redis_url, namespace) | queues)
