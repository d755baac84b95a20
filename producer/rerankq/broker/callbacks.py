"""The seam to a Celery application of the user's: its tasks are sent when jobs and batches end."""

from typing import Any, Final
from urllib.parse import quote

from rerankq.broker.celery_app import IsolatedApp
from rerankq.store.address import RedisAddress

SEND_SECONDS: Final = 5.0
DEFAULT_QUEUE: Final = "celery"
"""Where Celery's own default sends tasks."""


class CallbackTasks:
    """Sends tasks by their names to a broker. Thread-safe.

    The messages are plain ones of Celery, under kombu's own names, as the application that gets
    them is the user's.

    Args:
        broker_url: that application's broker, in Celery's form, or in rerankq's own with Sentinels.
    """

    def __init__(self, broker_url: str) -> None:
        url, options = _for_celery(broker_url)
        self._app = IsolatedApp(
            {
                "broker_url": url,
                "result_backend": None,
                "task_serializer": "json",
                "accept_content": ["json"],
                "task_ignore_result": True,
                "broker_connection_timeout": SEND_SECONDS,
                "broker_transport_options": options
                | {
                    "socket_timeout": SEND_SECONDS,
                    "socket_connect_timeout": SEND_SECONDS,
                },
            }
        )

    def send(
        self,
        task: str,
        queue: str | None,
        ended: str,
        *,
        task_id: str,
        traceparent: str | None = None,
    ) -> None:
        """Send one task.

        Args:
            task: its name.
            queue: its queue; None for Celery's default.
            ended: its argument: the id of the job or the batch that has ended.
            task_id: the task's id, the same in every try.
            traceparent: the trace that the task goes on with, as a header of its message.

        Raises:
            OSError: the broker does not take it; says by which kind of error.
        """
        try:
            self._app.send_task(
                task,
                args=[ended],
                queue=queue or DEFAULT_QUEUE,
                task_id=task_id,
                headers={"traceparent": traceparent} if traceparent else {},
                ignore_result=True,
                retry=False,
            )
        except Exception as error:  # noqa: BLE001  of any broker's library
            # The foreign message may hold the broker's address with its password.
            raise OSError(f"the broker does not take it ({type(error).__name__})") from None

    def close(self) -> None:
        """Give the connections back."""
        self._app.close()


def _for_celery(url: str) -> tuple[str, dict[str, Any]]:
    """The address in the form of kombu's own transport for Sentinel, and the options of that."""
    try:
        address = RedisAddress.parse(url)
    except ValueError:
        return url, {}
    # Over TLS, kombu has options of its own, which the user's address has to name.
    if address.sentinels is None or address.tls:
        return url, {}
    login = f"{quote(address.username or '', safe='')}:{quote(address.password or '', safe='')}@"
    who = login if address.password else ""
    places = address.sentinels.shown.split(",")
    own = {"username": address.sentinels.username, "password": address.sentinels.password}
    return ";".join(f"sentinel://{who}{each}/{address.database}" for each in places), {
        "master_name": address.sentinels.service,
        "sentinel_kwargs": {name: value for name, value in own.items() if value},
    }
