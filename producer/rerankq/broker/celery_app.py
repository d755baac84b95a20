"""A Celery application that follows its own settings only.

In Celery 5.7 variables of the environment override what a program sets. `CELERY_BROKER_URL` of a
Django or Airflow application in the same container would send rerankq's messages to another Redis;
`CELERY_RESULT_BACKEND`, `CELERY_LOADER` and `CELERY_CONFIG_MODULE` would stop it; and
`DJANGO_SETTINGS_MODULE` would set Django up. Its loader also imports from the current folder.

The environment itself is not changed: in a producer it belongs to the user's program.
"""

import importlib
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from celery import Celery
from celery.app.utils import Settings
from celery.loaders.base import BaseLoader


class IsolatedLoader(BaseLoader):
    """Finds no configuration anywhere, and no module in the current folder."""

    def read_configuration(self, env: str = "") -> dict[str, Any]:  # noqa: ARG002  Celery's signature
        """Nothing: all settings are in `app.conf`."""
        return {}

    def import_from_cwd(
        self,
        module: str,
        imp: Callable[..., ModuleType] | None = None,
        package: str | None = None,
    ) -> ModuleType:
        """Import a module as any other import would."""
        return (imp or importlib.import_module)(module, package=package)


class IsolatedSettings(Settings):
    """Celery's settings without the four that it reads from the environment first."""

    @property
    def broker_url(self) -> Any:
        """Where messages go."""
        return self.get("broker_url")

    @property
    def broker_read_url(self) -> Any:
        """The same: there is one broker."""
        return self.broker_url

    @property
    def broker_write_url(self) -> Any:
        """The same."""
        return self.broker_url

    @property
    def result_backend(self) -> Any:
        """None: results are the ledger's."""
        return self.get("result_backend")


class IsolatedApp(Celery):
    """Celery as rerankq uses it, in producers, workers and Flower alike.

    Args:
        settings: all settings, by Celery's names.
        set_as_current: whether it is this process' current application: in a worker, but not in a
            producer.
        events_cls: the class that makes receivers and senders of Celery's events; Celery's own by
            default.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        *,
        set_as_current: bool = False,
        events_cls: str | None = None,
    ) -> None:
        super().__init__(
            "rerankq",
            loader=IsolatedLoader,
            fixups=[],
            set_as_current=set_as_current,
            events=events_cls,
        )
        if set_as_current:
            # Also in other threads, where Celery would make an application from the environment.
            self.set_default()
        # Only the class changes: Celery keeps this object, and fills it on first use. A plain
        # assignment would set a setting named `__class__`.
        object.__setattr__(self.conf, "__class__", IsolatedSettings)
        self.conf.update(settings)
