"""How large a message may be: one that was accepted once is accepted everywhere."""

from typing import Final

MAX_QUERY_CHARACTERS: Final = 32_768
MAX_DOCUMENT_CHARACTERS: Final = 131_072
MAX_DOCUMENTS: Final = 10_000
MAX_JOB_BYTES: Final = 16 * 1024 * 1024
MAX_METADATA_ENTRIES: Final = 16
MAX_DEADLINE_SECONDS: Final = 30 * 24 * 3600.0
MAX_UNIX_SECONDS: Final = 253_402_300_799.0
"""The end of the year 9999, the last that ISO 8601 and Python's datetime know."""
MAX_TOP_N: Final = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly (RFC 8259, section 6)."""
MAX_HINT_JOBS: Final = 50
MAX_CALLBACKS: Final = 8
MAX_DETAILS_BYTES: Final = 8 * 1024
MAX_KEPT_SECONDS: Final = 3650 * 24 * 3600.0
