"""The keys of a ledger without a namespace, for tests that look into Redis themselves."""

from typing import Final

from rerankq.store.keys import Keys

KEYS: Final = Keys()
