import os
import stat
from pathlib import Path

import pytest

from rerankq.cli.failures import CommandError
from rerankq.cli.stack.guarding import left_running
from rerankq.cli.up.folder import Kept, locked


def test_a_folder_is_used_by_one_at_a_time(tmp_path: Path) -> None:
    """A second one is refused and told the process of the first; afterwards the folder is free."""
    path = tmp_path / "data"
    with locked(path), pytest.raises(CommandError, match=f"process {os.getpid()}") as caught:
        locked(path).__enter__()
    assert str(path) in str(caught.value)
    assert "--data" in str(caught.value)
    with locked(path):
        pass


def test_secrets_are_made_once_and_readable_by_their_owner_alone(tmp_path: Path) -> None:
    """What was kept is there again; neither the file nor the folder is open to other users."""
    path = tmp_path / "data"
    with locked(path) as folder:
        first = folder.kept()
        kept = Kept(redis_port=6400, flower_password=first.flower_password)
        folder.keep(kept)
    with locked(path) as folder:
        assert folder.kept() == kept
        assert stat.S_IMODE(folder.secrets.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    """The error says which file to delete."""
    with locked(tmp_path) as folder:
        folder.secrets.write_text("{")
        with pytest.raises(CommandError, match=r"up\.json is damaged: delete it"):
            folder.kept()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """One line says why, and which option names another one."""
    (tmp_path / "file").touch()
    with pytest.raises(CommandError, match="--data"):
        locked(tmp_path / "file" / "data").__enter__()


def test_the_guard_knows_what_was_left_running() -> None:
    """It ends what was begun and not ended, the last first."""
    assert left_running(["+1\n", "+2\n", "+3\n", "-2\n", "-9\n"]) == [1, 3]
