import logging
from collections.abc import Mapping

import pytest

from rerankq.errors import SettingsError
from rerankq.monitoring.settings import ProcessSettings
from rerankq.monitoring.traces import start

SOMEWHERE = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


@pytest.mark.parametrize(
    ("setting", "environment", "wanted"),
    [
        (None, {}, False),
        (True, {}, True),
        (None, SOMEWHERE, True),
        (None, {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c/v1/traces"}, True),
        (None, {"OTEL_TRACES_EXPORTER": "otlp"}, True),
        (None, {**SOMEWHERE, "OTEL_TRACES_EXPORTER": "none"}, False),
        (None, {**SOMEWHERE, "OTEL_SDK_DISABLED": "True"}, False),
        (True, {"OTEL_SDK_DISABLED": "true"}, False),
        (False, SOMEWHERE, False),
    ],
)
def test_the_standard_variables_say_whether_traces_are_sent(
    setting: bool | None,  # noqa: FBT001  of three values
    environment: Mapping[str, str],
    wanted: bool,  # noqa: FBT001  of a table
) -> None:
    """A variable that says where to is enough; RERANKQ_TRACES decides over that."""
    assert start.are_wanted(setting, environment) is wanted


def test_what_is_not_installed_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the extra, RERANKQ_TRACES is an error, and the standard variables a warning."""
    monkeypatch.setattr(start, "is_installed", lambda: False)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318")
    with caplog.at_level(logging.WARNING):
        assert not start.are_sent(ProcessSettings())
    assert 'pip install ".[traces]"' in caplog.text
    with pytest.raises(SettingsError, match="RERANKQ_TRACES: pip install"):
        start.are_sent(ProcessSettings(traces=True))
