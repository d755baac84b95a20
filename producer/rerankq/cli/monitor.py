"""The Celery app that Flower watches through: the broker, and no results.

Its address comes by environment, not by argument: a process list shows arguments to everybody.
"""

from celery import Celery
from kombu import Queue

from rerankq.announce import celery_settings
from rerankq.cli.settings import ENV_FILE, CommandSettings
from rerankq.contract import Lane


def watched(redis_url: str) -> Celery:
    """An app for looking on."""
    app = Celery("rerankq", set_as_current=False)
    app.conf.update(
        celery_settings(redis_url)
        # A ranking holds documents: Flower, which would show it for a job's id, gets none.
        | {"result_backend": None, "task_queues": [Queue(lane.queue) for lane in Lane]}
    )
    return app


app = watched(CommandSettings.load(env_file=ENV_FILE).redis_url)
