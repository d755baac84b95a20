"""The variables of the environment and of `.env`: misspelt, wrong, or at odds with each other."""

import re
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from rerankq.counting import counted
from rerankq.doctor.blocking import in_thread
from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import Finding, fault, note, ok, split, warning
from rerankq.errors import SettingsError
from rerankq.secret_files import SECRETS, file_name_of
from rerankq.settings import ClientSettings
from rerankq.variables import OTHER_NAMES, PREFIX, named_values, unknown

_NAME: Final = re.compile(r"[A-Z_]+")
_KEYS: Final = "RERANKQ_API_KEYS", "DMXAPI_API_KEY"


async def look(set_up: SetUp) -> list[Finding]:
    """All that is known of the settings without asking anybody."""
    return await in_thread(lambda: list(_looked(set_up)))


def _looked(set_up: SetUp) -> Iterator[Finding]:
    try:
        in_file = named_values(set_up.env_file)
        strangers = list(unknown((*ClientSettings.names(), *OTHER_NAMES), env_file=set_up.env_file))
    except SettingsError as error:
        yield fault("env_file_unreadable", *split(str(error)))
        return
    for name, hint in strangers:
        where = "in the environment" if name in set_up.environment else f"in {set_up.env_file}"
        yield fault("setting_unknown", f"{name} ({where}) is no setting", hint)
    yield from wrong(ClientSettings.faults(set_up.env_file))
    yield from _file(set_up, in_file)
    given = in_file | dict(set_up.environment)
    if all(given.get(each) or given.get(file_name_of(each)) for each in _KEYS):
        what = "RERANKQ_API_KEYS and DMXAPI_API_KEY are both set: the first is used"
        yield note("settings_doubled", what, "unset one of them")
    given_here = counted(sum(each.startswith(PREFIX) for each in given), "setting")
    yield ok("settings", f"{given_here} of rerankq given; all others have their defaults")


def wrong(faults: list[str]) -> Iterator[Finding]:
    """The findings for what a settings class refuses."""
    for each in faults:
        name, advice = split(each)
        if _NAME.fullmatch(name):
            yield fault("setting_wrong", f"{name} is wrong", advice)
        else:
            yield fault("settings_contradict", each, "change one of them")


def _file(set_up: SetUp, in_file: Mapping[str, str]) -> Iterator[Finding]:
    path = Path(set_up.env_file)
    if not path.is_file():
        yield ok("env_file", f"there is no {path} in this folder: only the environment is read")
        return
    yield ok("env_file", f"{path} in this folder is read after the environment")
    for name, value in in_file.items():
        here = set_up.environment.get(name)
        if here and value and here != value:
            what = f"{name} has another value in {path} than in the environment, which wins"
            yield note("env_file_overridden", what, "remove one of them")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & (stat.S_IRGRP | stat.S_IROTH) and any(in_file.get(each) for each in SECRETS):
        yield warning(
            "env_file_open",
            f"{path} holds keys or passwords, and other users may read it (mode {mode:o})",
            f"chmod 600 {path}",
        )
