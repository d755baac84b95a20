"""Counts in the sentences that people read."""


def counted(count: int, noun: str) -> str:
    """A number with its noun, such as 1 job or 1,024 jobs.

    Args:
        count: how many.
        noun: one of them; its plural ends in s.
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
