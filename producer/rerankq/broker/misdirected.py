"""The answer to somebody who sent rerankq's Celery task directly, like any other task.

The task's message only names jobs that the ledger has recorded. A message with a query in it is put
aside, and without an answer its sender would wait for the `AsyncResult` for ever.
"""

import time
from collections.abc import Sequence
from typing import Final

from rerankq.contract import TASK_NAME
from rerankq.errors import JobFailed
from rerankq.ledger.outcomes import date_done, failure, whole
from rerankq.store.keys import Keys
from rerankq.store.script import Argument

KEPT_SECONDS: Final = 24 * 3600
"""As long as Celery keeps a result."""
ADVICE: Final = JobFailed(
    "not_submitted",
    f"this message created no job: {TASK_NAME} only names jobs that rerankq has recorded. "
    "Submit with rerankq.RerankClient().submit(query=..., documents=[...]); "
    "its id is the one for AsyncResult",
)


def answer(keys: Keys, message_id: str) -> Sequence[tuple[Argument, ...]]:
    """The commands that end the wait for a message's result, unless there is one already.

    Args:
        keys: the ledger's keys.
        message_id: Celery's id of the message; no job has this id.
    """
    # By this machine's clock: the date is only shown.
    date = date_done(int(time.time() * 1000))
    result = whole(message_id, date, failure(ADVICE))
    key = keys.result(message_id)
    return ("SET", key, result, "EX", KEPT_SECONDS, "NX"), ("PUBLISH", key, result)
