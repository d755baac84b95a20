"""What somebody is told who sent rerankq's Celery task themselves, as they would any other.

The task's message only names jobs that the ledger has recorded: one that brings a query is put
aside, and whoever waits for its result by `AsyncResult` would wait for ever.
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
    f"no job was made of this message: {TASK_NAME} only names jobs that rerankq has recorded. "
    "Submit with rerankq.RerankClient().submit(query=..., documents=[...]); "
    "its id is the one for AsyncResult",
)


def answer(keys: Keys, message_id: str) -> Sequence[tuple[Argument, ...]]:
    """The commands that end the wait for a message, unless something ended it already.

    Args:
        keys: what the ledger's keys are called.
        message_id: Celery's id of it, and no job's.
    """
    # Of this machine's clock, which decides on nothing: the date is shown.
    date = date_done(int(time.time() * 1000))
    result = whole(message_id, date, failure(ADVICE))
    key = keys.result(message_id)
    return ("SET", key, result, "EX", KEPT_SECONDS, "NX"), ("PUBLISH", key, result)
