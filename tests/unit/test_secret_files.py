"""Secrets in files: `NAME_FILE` is read where `NAME` would be."""

import os
from pathlib import Path

import pytest

from rerankq.cli.settings import CommandSettings
from rerankq.errors import SettingsError
from rerankq.secret_files import MOST_BYTES, SECRETS, Variables, file_name_of
from rerankq.settings import ClientSettings
from rerankq.variables import OTHER_NAMES, PREFIX, read_one, refuse_unknown
from rerankq_gateway.settings import GatewaySettings
from rerankq_worker.settings import WorkerSettings
from running.worker import clean_environment

KEY = "sk-0123456789abcdef"
TOKEN = "rk_" + "t0ken-" * 8
URL = "redis://:p%40ss@redis.example:6379/3"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ.keys() - clean_environment().keys():
        monkeypatch.delenv(name)


@pytest.fixture
def in_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Every secret is in a file of its own, as editors write it, with an end of line."""
    values = dict.fromkeys(SECRETS, KEY) | {
        "RERANKQ_REDIS_URL": "redis://user@redis.example:6379/3",
        "RERANKQ_REDIS_PASSWORD": "p@ss/#",
        "RERANKQ_API_KEYS": f"{KEY},{KEY}2",
        "RERANKQ_GATEWAY_TOKENS": TOKEN,
        "RERANKQ_FLOWER_AUTH": "me:secret",
        "RERANKQ_CALLBACK_BROKER_URL": URL,
    }
    for name, value in values.items():
        (tmp_path / name).write_text(f"{value}\n", "utf-8")
        monkeypatch.setenv(file_name_of(name), str(tmp_path / name))
    return tmp_path


def test_each_secret_is_read_from_its_file(in_files: Path) -> None:
    """Worker, gateway, command line and sandbox have the values that are in the files."""
    worker, gateway, command = (
        WorkerSettings.load(),
        GatewaySettings.load(),
        CommandSettings.load(),
    )
    for each in (worker, gateway, command):
        assert each.redis_url == "redis://user:p%40ss%2F%23@redis.example:6379/3"
    (site,) = worker.sites({})
    assert [key.authorization for key in site.accounts[0].keys] == [KEY, f"{KEY}2"]
    assert worker.callback_broker == URL
    assert gateway.token_texts == [TOKEN]
    assert command.flower_auth
    assert command.flower_auth.get_secret_value() == "me:secret"
    assert command.upstream_key
    assert read_one("RERANKQ_SANDBOX_KEY", env_file=str(in_files / "none")) == KEY
    shown = f"{worker!r} {gateway!r} {command!r}"
    assert not any(each in shown for each in (KEY, TOKEN, "me:secret"))
    refuse_unknown((*WorkerSettings.names(), *OTHER_NAMES))


def test_every_secret_is_a_setting_that_is_known_with_its_file() -> None:
    """No name of the list is misspelt, and neither it nor its file is refused as unknown."""
    known = {*ClientSettings.names(), *WorkerSettings.names(), *OTHER_NAMES}
    assert {*SECRETS} <= known
    assert {file_name_of(each) for each in SECRETS if each.startswith(PREFIX)} <= known


def test_a_variable_and_its_file_contradict_each_other(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Both in one place are refused; the environment wins over `.env`; an empty one is unset."""
    file, env_file = tmp_path / "key", tmp_path / "env"
    file.write_text(KEY, "utf-8")
    env_file.write_text(f"DMXAPI_API_KEY_FILE={file}\n", "utf-8")

    def key() -> str:
        (found,) = WorkerSettings.load(str(env_file)).vendor_keys
        return found.get_secret_value()

    assert key() == KEY
    monkeypatch.setenv("DMXAPI_API_KEY", "sk-environment-1")
    assert key() == "sk-environment-1"
    monkeypatch.setenv("DMXAPI_API_KEY_FILE", str(file))
    with pytest.raises(SettingsError) as caught:
        key()
    assert (
        str(caught.value)
        == "DMXAPI_API_KEY and DMXAPI_API_KEY_FILE are both set: unset one of them"
    )
    monkeypatch.setenv("DMXAPI_API_KEY", "")
    env_file.write_text("DMXAPI_API_KEY=sk-env-file-1\n", "utf-8")
    assert key() == KEY


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "must be a text file in UTF-8"),
        (b"x" * (MOST_BYTES + 1), f"is over {MOST_BYTES:,} bytes"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, said: str
) -> None:
    """The message names variable and path; `doctor` gets the same as a list of faults."""
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("RERANKQ_REDIS_URL_FILE", str(path))
    with pytest.raises(SettingsError) as caught:
        ClientSettings.load()
    assert str(caught.value) == f"RERANKQ_REDIS_URL_FILE: {path} {said}"
    assert ClientSettings.faults() == [str(caught.value)]
    # What a program gives needs no file.
    assert ClientSettings.load(redis_url="redis://given").redis_url == "redis://given"


def test_a_wrong_value_in_a_file_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is named by its setting, as a wrong value of a variable is."""
    (tmp_path / "url").write_text("http://:s3cret@host", "utf-8")
    monkeypatch.setenv("RERANKQ_REDIS_URL_FILE", str(tmp_path / "url"))
    with pytest.raises(SettingsError, match=r"^RERANKQ_REDIS_URL: must begin with") as caught:
        ClientSettings.load()
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("redis://host", "redis://:p%40%2F@host"),
        ("rediss://host:1/2?protocol=3", "rediss://:p%40%2F@host:1/2?protocol=3"),
        ("redis://user@[::1]:6379", "redis://user:p%40%2F@[::1]:6379"),
        ("sentinel://a,b:1/svc", "sentinel://:p%40%2F@a,b:1/svc"),
        ("unix:///run/redis.sock?db=1", "unix://:p%40%2F@/run/redis.sock?db=1"),
        (None, "redis://:p%40%2F@localhost:6379/0"),
    ],
)
def test_the_password_of_redis_may_stand_beside_the_address(
    monkeypatch: pytest.MonkeyPatch, url: str | None, whole: str
) -> None:
    """It is put in, escaped; also into the default."""
    monkeypatch.setenv("RERANKQ_REDIS_PASSWORD", "p@/")
    if url:
        monkeypatch.setenv("RERANKQ_REDIS_URL", url)
    assert ClientSettings.load().redis_url == whole


def test_the_password_is_for_the_address_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not sent to a Redis that a program names, and not put beside another password."""
    monkeypatch.setenv("RERANKQ_REDIS_PASSWORD", "p")
    assert ClientSettings.load(redis_url="redis://other").redis_url == "redis://other"
    monkeypatch.setenv("RERANKQ_REDIS_URL", "redis://user:own@host")
    with pytest.raises(SettingsError, match=r"^RERANKQ_REDIS_URL: has a password of its own: "):
        ClientSettings.load()


def test_keys_that_a_file_of_sites_names_may_be_in_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`keys = ["JINA_KEY"]` is JINA_KEY, or what is in the file of JINA_KEY_FILE."""
    (tmp_path / "key").write_text(f"{KEY}\n", "utf-8")
    (tmp_path / "sites.toml").write_text(
        '[[sites]]\nname = "a"\nurl = "https://a.example/rerank"\n'
        '[[sites.accounts]]\nname = "b"\nkeys = ["JINA_KEY"]\n',
        "utf-8",
    )
    monkeypatch.setenv("RERANKQ_UPSTREAM_FILE", str(tmp_path / "sites.toml"))
    variables = Variables({"JINA_KEY": ""}, {"JINA_KEY_FILE": str(tmp_path / "key")})
    (site,) = WorkerSettings.load().sites(variables)
    assert site.accounts[0].keys[0].authorization == KEY


@pytest.mark.parametrize("token", ["rk_short", "x" * 60, f"rk_{'é' * 50}"])
def test_a_token_that_could_be_guessed_is_refused(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    """A token of the settings is as long as those that are made, and scanners know its form."""
    monkeypatch.setenv("RERANKQ_GATEWAY_TOKENS", f"{TOKEN},{token}")
    with pytest.raises(SettingsError, match=r"^RERANKQ_GATEWAY_TOKENS: a token is rk_") as caught:
        GatewaySettings.load()
    assert token not in str(caught.value)
