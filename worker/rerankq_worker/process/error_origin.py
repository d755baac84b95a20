"""Where an unforeseen error arose, in words fit for a log.

Neither its message nor a traceback with values: both may hold what a job holds.
"""


def origin(error: BaseException) -> str:
    """The error's type, and file and line of its origin."""
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "nowhere"
    return f"{type(error).__name__} at {where}"
