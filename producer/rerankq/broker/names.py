"""The names of Celery's exchanges. The names of its keys are in `rerankq.store.keys`.

Each name is rerankq's own. With kombu's defaults, all Celery applications of a database would share
them, and `control shutdown` of one would end the workers of another.
"""

from typing import Final

CONTROL_EXCHANGE: Final = "rerankq"
"""Remote control uses `rerankq.pidbox`; kombu adds `.pidbox`."""
MAILBOX_EXCHANGE: Final = f"{CONTROL_EXCHANGE}.pidbox"

EVENT_EXCHANGE: Final = "rerankq.events"
