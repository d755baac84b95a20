"""A setting by which connections are used again at once."""

from typing import Final

from rerankq_worker.provider.idle_connections import Rest

NO_REST: Final = Rest(least=0.0, to_answer=0.0, spare=0.0)
