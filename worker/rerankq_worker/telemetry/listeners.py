"""Adds an operator's own listeners to a worker's events: `RERANKQ_LISTENERS` names them."""

from collections.abc import Callable, Sequence
from pkgutil import resolve_name

from rerankq.contract import Lane
from rerankq.errors import SettingsError
from rerankq.events import Events

Attach = Callable[[Events, Lane], object]
"""A function that adds its listeners to the events of a worker, which serves one lane."""


def named_listeners(names: Sequence[str]) -> list[Attach]:
    """The functions that the setting names, each as `module:function`.

    Raises:
        SettingsError: one cannot be imported, or is no function.
    """
    return [_imported(name) for name in names]


def attach_listeners(names: Sequence[str], events: Events, lane: Lane) -> None:
    """Let each of these functions add its listeners.

    Raises:
        SettingsError: one cannot be imported, is no function, or raised.
    """
    for name, attach in zip(names, named_listeners(names), strict=True):
        try:
            attach(events, lane)
        except Exception as error:  # noqa: BLE001  the function is the operator's own
            raise _wrong(f"{name} raised", error) from None


def _imported(name: str) -> Attach:
    try:
        found: object = resolve_name(name)
    except Exception as error:  # noqa: BLE001  the module is the operator's own
        raise _wrong(f"{name} cannot be imported:", error) from None
    if not callable(found):
        raise SettingsError(f"RERANKQ_LISTENERS: {name} is no function (module:function)")
    return found


def _wrong(what: str, error: Exception) -> SettingsError:
    return SettingsError(f"RERANKQ_LISTENERS: {what} {type(error).__name__}: {error}")
