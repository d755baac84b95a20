"""What Celery's exchanges are called. The names of its keys stand in `rerankq.store.keys`.

Each name is rerankq's own. By kombu's defaults, every Celery application of the same database would
share them, and one's `control shutdown` would end another's workers.
"""

from typing import Final

CONTROL_EXCHANGE: Final = "rerankq"
"""Remote control goes over `rerankq.pidbox`; kombu adds the ending."""
MAILBOX_EXCHANGE: Final = f"{CONTROL_EXCHANGE}.pidbox"

EVENT_EXCHANGE: Final = "rerankq.events"
