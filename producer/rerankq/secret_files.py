"""Secrets in files: for each setting that is a secret, `NAME_FILE` may name a file with its value.

Docker, Kubernetes and systemd give secrets to a process as files. There they are in no process
list and no `inspect`, and a child process or a crash report does not carry them on.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Final

from rerankq.errors import SettingsError

SECRETS: Final = (
    "RERANKQ_REDIS_URL",
    "RERANKQ_REDIS_PASSWORD",
    "DMXAPI_API_KEY",
    "RERANKQ_API_KEYS",
    "RERANKQ_CALLBACK_BROKER_URL",
    "RERANKQ_GATEWAY_TOKENS",
    "RERANKQ_FLOWER_AUTH",
    "RERANKQ_SANDBOX_KEY",
)
"""The settings that can be read from a file."""

MOST_BYTES: Final = 64 * 1024
_SUFFIX: Final = "_FILE"

Place = Mapping[str, str]
"""Variables that belong together: the environment, or what is in `.env`."""


def file_name_of(name: str) -> str:
    """The variable that names the file of a secret."""
    return name + _SUFFIX


def text_in_file(name: str, *places: Place) -> str | None:
    """What is in the file of a secret; None when there is no such file, or a value comes before.

    Args:
        name: the secret's variable.
        places: where variables are looked up, the first comes first. An empty one counts as unset.

    Raises:
        SettingsError: the file cannot be used, or one place has both variables.
    """
    for place in places:
        value, path = place.get(name), place.get(file_name_of(name))
        if value and path:
            raise SettingsError(f"{name} and {file_name_of(name)} are both set: unset one of them")
        if path:
            return _content(file_name_of(name), Path(path))
        if value:
            break
    return None


class Variables(Mapping[str, str]):
    """Variables of several places, each also by its file; for names that users choose.

    Args:
        places: where they are looked up, the first comes first.
    """

    def __init__(self, *places: Place) -> None:
        self._places = places

    def __getitem__(self, name: str) -> str:
        """The value of a variable, or what is in its file.

        Raises:
            KeyError: there is neither.
            SettingsError: as of `text_in_file`.
        """
        found = text_in_file(name, *self._places)
        if found is None:
            found = next((value for each in self._places if (value := each.get(name))), None)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(chain(*self._places)))

    def __len__(self) -> int:
        return len(list(iter(self)))


def _content(name: str, path: Path) -> str:
    """The text in a file, without blanks and ends of lines around it."""
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)  # not by its size: a pipe has none
        text = content.decode().strip()
    except OSError as error:
        raise SettingsError(f"{name}: {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{name}: {path} must be a text file in UTF-8") from None
    if len(content) > MOST_BYTES:
        raise SettingsError(f"{name}: {path} is over {MOST_BYTES:,} bytes")
    if not text:
        raise SettingsError(f"{name}: {path} is empty")
    return text
