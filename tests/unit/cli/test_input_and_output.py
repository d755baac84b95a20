import os
from pathlib import Path

import pytest

from rerankq.cli.failures import CommandError
from rerankq.cli.input.files import Sink, Source


def test_the_input_is_never_the_output(tmp_path: Path) -> None:
    """The input is never used as the output, under any name, and stays as it is."""
    given = tmp_path / "in.jsonl"
    given.write_text("kept")
    link = tmp_path / "link.jsonl"
    link.symlink_to(given)
    with (
        Source.open(str(given)) as source,
        pytest.raises(CommandError, match="input and output at once"),
    ):
        Sink.open(str(link), source)
    assert given.read_text() == "kept"


def test_an_output_keeps_its_content_until_there_is_something_new(tmp_path: Path) -> None:
    """A run that writes nothing leaves the file as it was; a complete run replaces its content."""
    out = tmp_path / "stdout"
    out.write_text("of an earlier run\n")
    with Sink.open(str(out)) as sink:
        sink.end(whole=False)
        assert out.read_text() == "of an earlier run\n"
    with Sink.open(str(out)) as sink:
        sink.write(b"new\n")
        sink.write(b"and more\n")
        sink.end(whole=True)
    assert out.read_text() == "new\nand more\n"
    with Sink.open(str(out)) as sink:
        sink.end(whole=True)
    assert out.read_text() == ""


def test_an_output_is_created_with_its_first_line(tmp_path: Path) -> None:
    """A command that writes nothing creates no file; a complete output may be empty."""
    out = tmp_path / "new.jsonl"
    with Sink.open(str(out)) as sink:
        sink.end(whole=False)
    assert not out.exists()
    with Sink.open(str(out)) as sink:
        sink.end(whole=True)
    assert out.read_bytes() == b""


def test_two_commands_do_not_write_one_file(tmp_path: Path) -> None:
    """Two commands on one file would delete each other's rankings: the second is refused."""
    out = tmp_path / "out.jsonl"
    link = tmp_path / "link.jsonl"
    link.symlink_to(out)
    with Sink.open(str(out)) as first:
        first.write(b"kept\n")
        with pytest.raises(CommandError, match="another command is writing"):
            Sink.open(str(link))
    assert out.read_text() == "kept\n"
    with Sink.open(str(link)) as second:
        second.write(b"new\n")
    assert out.read_text() == "new\n"


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_an_unreadable_input_is_one_clear_error(tmp_path: Path, name: str) -> None:
    """A missing file or a folder is named, with what is wrong with it."""
    with pytest.raises(CommandError, match=r"cannot read .*: (No such file|Is a directory)"):
        Source.open(str(tmp_path / name))


def test_an_unwritable_output_is_one_clear_error(tmp_path: Path) -> None:
    """A folder that is not there is named, with what is wrong with it."""
    with pytest.raises(CommandError, match=r"cannot write .*: No such file"):
        Sink.open(str(tmp_path / "no" / "out.jsonl"))


def test_how_far_a_file_is_read_is_known(tmp_path: Path) -> None:
    """A file tells which share of it was read, to estimate the rest; a pipe does not."""
    given = tmp_path / "in.jsonl"
    given.write_bytes(b"12345678")
    with Source.open(str(given)) as source:
        assert source.share_read == 0
        source.read(2)
        assert source.share_read == 0.25
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = os.open(fifo, os.O_RDWR)
    with Source.open(str(fifo)) as source:
        assert source.share_read is None
    os.close(writer)
