"""Where Flower keeps what it has seen."""

from pathlib import Path

import pytest

from rerankq.cli.failures import CommandError
from rerankq.cli.operate.flower_folder import kept_file

URL = "redis://:secret@host:6379/0"


def test_each_redis_and_namespace_has_its_own_file(tmp_path: Path) -> None:
    """No environment shows what another has kept; the folder is its owner's, and hides secrets."""
    folder = tmp_path / "new" / "flower"
    names = []
    for url, namespace in ((URL, ""), (URL, "prod"), ("redis://host:6379/1", ""), (URL, "")):
        with kept_file(folder, url, namespace) as file:
            names.append(file.name)
    assert (len(set(names)), names[0]) == (3, names[3])
    assert "secret" not in "".join(names)
    assert folder.stat().st_mode & 0o077 == 0


def test_one_file_has_one_flower(tmp_path: Path) -> None:
    """A second Flower of the same Redis is refused; one of another may use the folder."""
    folder = tmp_path / "flower"
    with (
        kept_file(folder, URL, ""),
        kept_file(folder, URL, "prod"),
        pytest.raises(CommandError, match="another Flower uses the folder"),
        kept_file(folder, URL, ""),
    ):
        pass


def test_a_folder_of_others_is_refused(tmp_path: Path) -> None:
    """A file that others may write is not read: it would run their code."""
    tmp_path.chmod(0o777)
    with (
        pytest.raises(CommandError, match="is open to other users: make it your own"),
        kept_file(tmp_path, URL, ""),
    ):
        pass
    (tmp_path / "file").touch()
    with (
        pytest.raises(CommandError, match="cannot be used: Not a directory; name another one"),
        kept_file(tmp_path / "file" / "flower", URL, ""),
    ):
        pass
