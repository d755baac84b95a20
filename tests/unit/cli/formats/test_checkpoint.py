from pathlib import Path

import pytest

from rerankq.cli.batch.checkpoint import Checkpoint
from rerankq.cli.failures import CommandError
from rerankq.cli.input import identity as identities
from rerankq.cli.input.identity import identity

SETTINGS = {"--model": "m", "--top-n": None, "INPUT": "10 bytes, abc"}


def test_a_checkpoint_knows_the_batches_of_earlier_runs(tmp_path: Path) -> None:
    """What was noted is there when the checkpoint is opened again with the same settings."""
    path = str(tmp_path / "run.checkpoint")
    with Checkpoint.open(path, SETTINGS) as first:
        assert (first.batches, first.is_complete) == ([], False)
        first.began("batch-1")
    with Checkpoint.open(path, SETTINGS) as second:
        assert (second.batches, second.is_complete) == (["batch-1"], False)
        second.began("batch-2")
        second.completed()
        second.completed()
    with Checkpoint.open(path, dict(reversed(SETTINGS.items()))) as third:
        assert (third.batches, third.is_complete) == (["batch-1", "batch-2"], True)


def test_a_changed_setting_is_named(tmp_path: Path) -> None:
    """Other settings invalidate a checkpoint: the error says which, their old and new values."""
    path = str(tmp_path / "run.checkpoint")
    Checkpoint.open(path, SETTINGS).__exit__()
    other = {"--model": "other", "--top-n": 3, "INPUT": "10 bytes, abc"}
    fault = r'--model was "m" and is "other"; --top-n was not given and is 3\. Give the former'
    with pytest.raises(CommandError, match=fault):
        Checkpoint.open(path, other)
    with pytest.raises(CommandError, match=r'INPUT was "10 bytes, abc" and is "11 bytes, abd"'):
        Checkpoint.open(path, SETTINGS | {"INPUT": "11 bytes, abd"})
    Checkpoint.open(path, SETTINGS).__exit__()


@pytest.mark.parametrize("cut", range(1, 12))
def test_a_line_that_a_crash_cut_off_says_nothing(tmp_path: Path, cut: int) -> None:
    """A last line without its end is dropped; what is noted next stands on a line of its own."""
    path = tmp_path / "run.checkpoint"
    with Checkpoint.open(str(path), SETTINGS) as first:
        first.began("batch-1")
        first.began("batch-2")
    path.write_bytes(path.read_bytes()[:-cut])
    with Checkpoint.open(str(path), SETTINGS) as second:
        assert second.batches == ["batch-1"]
        second.began("batch-3")
    with Checkpoint.open(str(path), SETTINGS) as third:
        assert third.batches == ["batch-1", "batch-3"]
    path.write_bytes(path.read_bytes()[:20])
    with Checkpoint.open(str(path), SETTINGS) as fourth:
        assert fourth.batches == []


@pytest.mark.parametrize("content", [b"{}\n", b"text", b"text\n", b"[]\n", b'{"checkpoint":9}\n'])
def test_another_file_is_no_checkpoint_and_stays(tmp_path: Path, content: bytes) -> None:
    """A file with other content is refused, and is not changed."""
    path = tmp_path / "notes"
    path.write_bytes(content)
    with pytest.raises(CommandError, match="is no checkpoint of rerankq: name another file"):
        Checkpoint.open(str(path), SETTINGS)
    assert path.read_bytes() == content


def test_two_runs_do_not_share_a_checkpoint(tmp_path: Path) -> None:
    """While a run uses a checkpoint, another one is refused: both would submit the same."""
    path = str(tmp_path / "run.checkpoint")
    with (
        Checkpoint.open(path, SETTINGS),
        pytest.raises(CommandError, match="another run is using the checkpoint"),
    ):
        Checkpoint.open(path, SETTINGS)


@pytest.mark.parametrize("blocks", [3, 4, 10, 1000])
def test_a_file_is_known_by_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blocks: int
) -> None:
    """A copy is the same file; one of another size, beginning or end is another."""
    monkeypatch.setattr(identities, "BLOCK_BYTES", 10)
    monkeypatch.setattr(identities, "WHOLE_BLOCKS", 4)
    content = bytes(at % 251 for at in range(blocks * 10))
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_bytes(content)
    two.write_bytes(content)
    assert identity(str(one)) == identity(str(two))
    for other in (content + b"x", b"x" + content[1:], content[:-1] + b"x", b""):
        two.write_bytes(other)
        assert identity(str(one)) != identity(str(two))


def test_what_is_no_file_has_no_identity(tmp_path: Path) -> None:
    """A pipe or a folder cannot be read again, so a run with a checkpoint refuses it."""
    with pytest.raises(CommandError, match="--checkpoint needs files that can be read again"):
        identity(str(tmp_path))
