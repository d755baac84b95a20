"""A Celery application that nothing but its own settings moves.

Celery 5.7 lets variables of the environment win over what a program sets: `CELERY_BROKER_URL` of
the Django or Airflow application in the same container would move rerankq's messages to another
Redis, `CELERY_RESULT_BACKEND`, `CELERY_LOADER` and `CELERY_CONFIG_MODULE` would stop it, and
`DJANGO_SETTINGS_MODULE` would set Django up. Its loader also imports from the current folder.
The environment itself is left as it is: in a producer it belongs to somebody else.
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
        """Nothing: what there is to say stands in `app.conf`."""
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
        settings: all that is to be known, by Celery's names.
        set_as_current: whether it is the application of this process: of a worker's, not of a
            producer's.
    """

    def __init__(self, settings: Mapping[str, Any], *, set_as_current: bool = False) -> None:
        super().__init__("rerankq", loader=IsolatedLoader, fixups=[], set_as_current=set_as_current)
        if set_as_current:
            # For other threads as well, where Celery would make one up by its environment.
            self.set_default()
        # The class alone: Celery keeps this very object, and fills it on first use. Not by a plain
        # assignment, which would be one to a setting.
        object.__setattr__(self.conf, "__class__", IsolatedSettings)
        self.conf.update(settings)
