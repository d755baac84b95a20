"""Scripts as typed functions; a script that differs from its declaration fails."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from rerankq.store import script_text
from rerankq.store.script import FLAG, TEXTS, Reply, Script
from rerankq.store.script_text import ScriptError

SOUND = """-- Does a thing.
-- @argument worker text: who
-- @argument wait_ms number: how long
-- @argument alone flag: whether
-- @argument held json: what
-- @arguments ids text: which
-- @answer flag: 1
-- @keys job
-- @constants WORD
return redis.call('SET', job_key(worker), WORD)
"""


class _Given(NamedTuple):
    worker: str
    wait_ms: int
    alone: bool
    held: list[int]
    ids: tuple[str, ...]


class _Other(NamedTuple):
    worker: str
    wait_ms: int
    alone: bool
    held: list[int]


class _Swapped(NamedTuple):
    wait_ms: int
    worker: str
    alone: bool
    held: list[int]
    ids: tuple[str, ...]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of scripts, instead of a package's."""
    (tmp_path / "lua").mkdir()
    monkeypatch.setattr(script_text, "files", lambda _: tmp_path)
    script_text.read.cache_clear()
    yield tmp_path / "lua"
    script_text.read.cache_clear()


def test_arguments_go_in_the_order_of_the_head_each_in_its_form(folder: Path) -> None:
    """A flag is sent as 1 or 0, a list as JSON, and the last field's values one after the other."""
    (folder / "a.lua").write_text(SOUND)
    script = Script("r", "a", _Given, keys=("job",), reply=FLAG, constants={"WORD": "it's"})
    call = script(worker="w", wait_ms=5, alone=True, held=[1, 2], ids=("x", "y"))
    assert call.arguments == ["w", 5, 1, b"[1,2]", "x", "y"]
    text, _ = script.text("space")
    assert text.startswith(
        "local function job_key(name) return 'space:rerankq:job:' .. name end\n"
        "local WORD = 'it\\'s'\nlocal worker = ARGV[1]\nlocal wait_ms = tonumber(ARGV[2])\n"
        "local alone = ARGV[3] == '1'\nlocal held = cjson.decode(ARGV[4])\n"
        "local ids = {unpack(ARGV, 5)}\n"
    )
    assert script.reply.read(1) is True


@pytest.mark.parametrize(
    ("text", "arguments", "keys", "reply", "wrong"),
    [
        (SOUND, _Other, ("job",), FLAG, "arguments"),
        (SOUND, _Swapped, ("job",), FLAG, "arguments"),
        (SOUND.replace("wait_ms number", "wait_ms text"), _Given, ("job",), FLAG, "arguments"),
        (SOUND, _Given, ("job",), TEXTS, "answer"),
        (SOUND, _Given, ("job", "dead"), FLAG, "keys"),
        (SOUND, _Given, (), FLAG, "keys"),
        (SOUND.replace("-- @keys job\n", ""), _Given, (), FLAG, "keys used"),
        (SOUND.replace("job_key(worker)", "'k'"), _Given, ("job",), FLAG, "keys used"),
        (SOUND.replace("WORD\nreturn", "WORD OTHER\nreturn"), _Given, ("job",), FLAG, "constants"),
        ("-- @include gone\n" + SOUND, _Given, ("job",), FLAG, "there is no lua/gone.lua"),
    ],
)
def test_a_script_that_differs_from_its_declaration_fails_at_once(
    folder: Path,
    text: str,
    arguments: type,
    keys: tuple[str, ...],
    reply: Reply[object],
    wrong: str,
) -> None:
    """If arguments, keys, constants or answer differ from the declaration, nothing runs."""
    (folder / "a.lua").write_text(text)
    with pytest.raises(ScriptError, match=wrong):
        Script("r", "a", arguments, keys=keys, reply=reply, constants={"WORD": "w"})


PART = """-- A part.
-- @defines first second MOST
MOST = 3
local own = 2
function first() return own end
function second() return first() end
"""


def test_a_part_gives_later_files_only_what_it_defines(folder: Path) -> None:
    """The names at its head are seen behind it; its other names are its own."""
    (folder / "part.lua").write_text(PART)
    (folder / "a.lua").write_text("-- @include part\n" + SOUND)
    script = Script("r", "a", _Given, keys=("job",), reply=FLAG, constants={"WORD": "w"})
    text, _ = script.text("")
    assert f"local first, second, MOST\ndo\n{PART}end\n-- @include part\n" in text


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (PART.replace("first second", "first"), "second"),
        (PART.replace("first second", "first second third"), "third"),
        (PART.replace("function second", "local function second"), "second"),
        (PART.replace("MOST = 3", "local MOST = 3"), "MOST"),
    ],
)
def test_a_part_defines_what_its_head_names(folder: Path, text: str, wrong: str) -> None:
    """Where head and file differ, nothing runs, and the names that differ are told."""
    (folder / "part.lua").write_text(text)
    with pytest.raises(ScriptError, match=f"part.lua: @defines and .* differ in {wrong}$"):
        script_text.read("r", "part")
