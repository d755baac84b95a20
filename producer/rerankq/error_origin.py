"""Where an unexpected error was raised, in a form that may be logged.

Neither its message nor a traceback: both may hold a job's content.
"""


def origin(error: BaseException) -> str:
    """The error's type, and the file and line that raised it."""
    place = error.__traceback__
    while place and place.tb_next:
        place = place.tb_next
    where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "nowhere"
    return f"{type(error).__name__} at {where}"
