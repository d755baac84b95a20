"""What can be set of a dialect, by the vendor's own names; what is not set is left to the vendor.

cohere  max_tokens_per_doc      where a document is cut off
vllm    truncate_prompt_tokens  where query and document are; -1 is the model's own limit
tei     max_client_batch_size   what the server was started with, as
        payload_limit           `--max-client-batch-size` and `--payload-limit`
"""

from collections.abc import Mapping
from typing import Final

Options = Mapping[str, int]

OPTIONS: Final[Mapping[str, Mapping[str, tuple[int, ...]]]] = {
    "cohere": {"max_tokens_per_doc": ()},
    "vllm": {"truncate_prompt_tokens": (-1,)},
    "tei": {"max_client_batch_size": (), "payload_limit": ()},
}
"""By dialect: the options that it has, and what one may be beside a number from 1 on."""


def options_fault(dialect: str, options: Options) -> str | None:
    """What is wrong with the options of a dialect; None when nothing is."""
    known = OPTIONS.get(dialect, {})
    for name, value in options.items():
        if name not in known:
            has = f"known are {', '.join(known)}" if known else "it has none"
            return f"the dialect {dialect} has no option of that name: {has}"
        if value < 1 and value not in known[name]:
            return f"{name} must be {' or '.join([*map(str, known[name]), 'at least 1'])}"
    return None
