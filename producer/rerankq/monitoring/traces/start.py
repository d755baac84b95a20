"""Whether a process sends traces: as `OTEL_…` variables say, or `RERANKQ_TRACES`.

Nothing of OpenTelemetry is imported for a process that sends none.
"""

import importlib.util
import logging
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from rerankq.contract import Lane
from rerankq.errors import SettingsError
from rerankq.events import Events
from rerankq.extras import install
from rerankq.monitoring.settings import ProcessSettings
from rerankq.monitoring.traces.endpoint import Endpoint

if TYPE_CHECKING:
    from rerankq.monitoring.traces.processes import GatewayTraces

log = logging.getLogger(__name__)

_ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL: Final = "http/protobuf"
_SENT_BY: Final = frozenset({"", "otlp"})
_MISSING: Final = f"{install('traces')} adds what sends them"


def trace_worker(
    settings: ProcessSettings, events: Events, lane: Lane, endpoints: Mapping[str, Endpoint]
) -> None:
    """Send spans of what a worker's events tell, if traces are wanted.

    Args:
        settings: of the process.
        events: of the worker.
        lane: the lane that it serves.
        endpoints: of the sites, by their names.

    Raises:
        SettingsError: `RERANKQ_TRACES` asks for traces, and the extra is not installed.
    """
    if are_sent(settings):
        from rerankq.monitoring.traces.processes import WorkerTraces  # noqa: PLC0415  slow

        WorkerTraces(events, lane, endpoints)


def trace_gateway(settings: ProcessSettings, events: Events) -> "GatewayTraces | None":
    """What makes the spans of a gateway; None when no traces are wanted.

    Raises:
        SettingsError: `RERANKQ_TRACES` asks for traces, and the extra is not installed.
    """
    if not are_sent(settings):
        return None
    from rerankq.monitoring.traces.processes import GatewayTraces  # noqa: PLC0415  slow

    return GatewayTraces(events)


def are_sent(settings: ProcessSettings) -> bool:
    """Whether traces are wanted, and can be sent.

    Raises:
        SettingsError: `RERANKQ_TRACES` asks for traces, and the extra is not installed.
    """
    if not are_wanted(settings.traces, os.environ):
        return False
    if not is_installed():
        if settings.traces:
            raise SettingsError(f"RERANKQ_TRACES: {_MISSING}")
        log.warning("no traces are sent, though OTEL_… variables ask for them: %s", _MISSING)
        return False
    for name in _PROTOCOLS:
        if os.environ.get(name, _PROTOCOL) != _PROTOCOL:
            log.warning("%s: traces are sent by %s alone", name, _PROTOCOL)
    return True


def are_wanted(setting: bool | None, environment: Mapping[str, str]) -> bool:  # noqa: FBT001  of three values
    """Whether traces are to be sent.

    Args:
        setting: `RERANKQ_TRACES`; None when unset.
        environment: where the `OTEL_…` variables are.
    """
    if setting is False or environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if exporter not in _SENT_BY:
        return False
    return bool(setting or exporter or any(environment.get(name) for name in _ENDPOINTS))


def is_installed() -> bool:
    """Whether the extra `traces` is."""
    try:
        return importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False
