"""What Celery's things of rerankq are called in Redis.

Each name is rerankq's own. By kombu's defaults, every Celery application of the same database would
share them: one's visibility timeout would make another's running tasks run twice, and one's
`control shutdown` would end another's workers.
"""

from typing import Final

CONTROL_EXCHANGE: Final = "rerankq"
"""Remote control goes over `rerankq.pidbox`; kombu adds the ending."""
MAILBOX_EXCHANGE: Final = f"{CONTROL_EXCHANGE}.pidbox"

EVENT_EXCHANGE: Final = "rerankq.events"

UNACKED_KEY: Final = "rerankq.unacked"
UNACKED_INDEX_KEY: Final = "rerankq.unacked_index"
UNACKED_MUTEX_KEY: Final = "rerankq.unacked_mutex"

BINDING_KEY: Final = "rerankq.binding.%s"
"""By exchange: the queues that are bound to it."""
BINDING_PERMANENT_KEY: Final = "rerankq.binding_permanent.%s"
BINDING_DEADLINES_KEY: Final = "rerankq.binding_deadlines"
