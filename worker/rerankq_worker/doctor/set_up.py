"""The settings and sites as `rerankq worker` reads them, for the checks."""

from rerankq.doctor.check import NO_REDIS, SetUp
from rerankq.doctor.finding import CannotCheckError
from rerankq.errors import SettingsError
from rerankq.secret_files import Variables
from rerankq.variables import named_values
from rerankq_worker.settings import WorkerSettings
from rerankq_worker.upstream.sites import Site


def worker_settings(set_up: SetUp) -> WorkerSettings:
    """The settings of a worker.

    Raises:
        CannotCheckError: one is wrong; the check of the settings says which.
    """
    try:
        # Another address of Redis than that of the settings: none of these checks needs Redis, so a
        # wrong address hides none of them.
        return WorkerSettings.load(env_file=set_up.env_file, **NO_REDIS)
    except SettingsError:
        raise CannotCheckError("the settings of the worker are wrong") from None


def known_sites(set_up: SetUp) -> tuple[Site, ...]:
    """The sites with their keys.

    Raises:
        SettingsError: there is no key, or the file of sites is wrong.
        CannotCheckError: another setting is wrong.
    """
    environment = Variables(set_up.environment, named_values(set_up.env_file))
    return worker_settings(set_up).sites(environment)


def sites_or_none(set_up: SetUp) -> tuple[Site, ...]:
    """The same, or none when they are not known: the check of the keys says why."""
    try:
        return known_sites(set_up)
    except (SettingsError, CannotCheckError):
        return ()


def models_of(site: Site, set_up: SetUp) -> list[str]:
    """The models of a site that are checked, by its own names."""
    return list(dict.fromkeys(site.models.values())) or [worker_settings(set_up).model]
