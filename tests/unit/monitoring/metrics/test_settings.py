from collections.abc import Callable

import pytest

from rerankq.errors import SettingsError
from rerankq_gateway import settings as gateway
from rerankq_worker import settings as worker


def test_metrics_need_a_port_of_the_worker() -> None:
    """Without a port for health, /metrics could not be reached: that is said at the start."""
    with pytest.raises(SettingsError, match="RERANKQ_METRICS needs RERANKQ_HEALTH_PORT"):
        worker.WorkerSettings.load(metrics=True)
    assert worker.WorkerSettings.load(metrics=True, health_port=9100).metrics


@pytest.mark.parametrize("module", [worker, gateway], ids=lambda module: module.__name__)
def test_metrics_need_the_extra(module: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library the setting is refused, and the message names the extra."""
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    kinds: dict[object, Callable[[], object]] = {
        worker: lambda: worker.WorkerSettings.load(metrics=True, health_port=9100),
        gateway: lambda: gateway.GatewaySettings.load(metrics=True),
    }
    with pytest.raises(SettingsError, match=r'pip install "\.\[metrics\]"'):
        kinds[module]()
