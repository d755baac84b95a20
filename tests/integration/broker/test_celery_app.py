"""rerankq's Celery app in an environment with variables of another Celery application."""

import os
import subprocess
import sys
from typing import Final

import pytest

from rerankq.foreign_environment import drop_foreign_variables

FOREIGN: Final = {
    "CELERY_BROKER_URL": "amqp://elsewhere",
    "CELERY_BROKER_READ_URL": "amqp://elsewhere",
    "CELERY_BROKER_WRITE_URL": "amqp://elsewhere",
    "CELERY_RESULT_BACKEND": "db+sqlite:///elsewhere",
    "CELERY_CONFIG_MODULE": "shop_celeryconfig",
    "CELERY_LOADER": "shop.loader",
    "CELERY_CUSTOM_WORKER_POOL": "shop.pool:Pool",
    "CELERY_RDB_SIG": "1",
    "CELERY_RDB_PORT": "many",
    "CELERY_WORKER_REVOKES_MAX": "many",
    "CELERY_TRACE_APP": "1",
    "DJANGO_SETTINGS_MODULE": "shop.settings",
    "FORKED_BY_MULTIPROCESSING": "1",
    "C_FORCE_ROOT": "",
    "C_STRICT_APP": "1",
    "C_BENCH_EVERY": "often",
    "KOMBU_LOG_DEBUG": "1",
    "AUTOSCALE_KEEPALIVE": "long",
    "PICKLE_PROTOCOL": "highest",
    "FLOWER_PORT": "tcp://10.0.0.1:5555",
    "FLOWER_BASIC_AUTH": "ann:pw",
    "FLOWER_UNAUTHENTICATED_API": "true",
}
PRODUCER: Final = """
import os
before = dict(os.environ)
from rerankq.broker.announce import celery_settings
from rerankq.broker.celery_app import IsolatedApp
app = IsolatedApp(celery_settings("redis://127.0.0.1:1/0"))
with app.connection_for_write() as connection:
    print(connection.as_uri(), app.connection().as_uri(), app.connection_for_read().as_uri())
print(type(app.backend).__name__, type(app.loader).__name__)
assert os.environ == before
"""
WORKER: Final = """
import os
from rerankq.foreign_environment import drop_foreign_variables
drop_foreign_variables(os.environ)
from rerankq.contract import Lane
from rerankq_worker.app import WorkerApp
from rerankq_worker.settings import WorkerSettings
app = WorkerApp(WorkerSettings.load(), (), Lane.BULK)
with app.connection_for_read() as connection:
    print(connection.as_uri(), app.connection().as_uri(), app.connection_for_write().as_uri())
print(type(app.backend).__name__, type(app.loader).__name__)
from threading import Thread
from celery import current_app
thread = Thread(target=lambda: print(current_app.main))
thread.start(); thread.join()
import celery.worker.worker
"""
OURS: Final = "redis://127.0.0.1:1/0 redis://127.0.0.1:1/0 redis://127.0.0.1:1/0\n"


def run(code: str, environment: dict[str, str]) -> str:
    """The output of a Python process with these additional variables."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"RERANKQ_REDIS_URL": "redis://127.0.0.1:1/0"} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    ("code", "apps", "foreign"),
    [
        # With such a variable no program can import kombu.
        (PRODUCER, "", FOREIGN.keys() - {"PICKLE_PROTOCOL", "KOMBU_LOG_DEBUG"}),
        (WORKER, "rerankq\n", FOREIGN.keys()),
    ],
    ids=["producer", "worker"],
)
def test_variables_of_another_application_change_nothing(
    code: str, apps: str, foreign: set[str]
) -> None:
    """No variable of Celery changes broker, results or loader; a producer keeps the variables."""
    said = run(code, {name: FOREIGN[name] for name in foreign})
    assert said == f"{OURS}DisabledBackend IsolatedLoader\n{apps}"


def test_only_foreign_variables_are_dropped() -> None:
    """A process of rerankq keeps the variables of rerankq, Python and proxies."""
    kept = {"RERANKQ_REDIS_URL": "redis://h", "PATH": "/bin", "HTTPS_PROXY": "http://p", "TZ": "X"}
    environment = kept | FOREIGN
    drop_foreign_variables(environment)
    assert environment == kept | {"C_FORCE_ROOT": ""}
