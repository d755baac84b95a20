"""Settings: a wrong one is named by its environment variable, and its value is not shown."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from rerankq.accounts.accounts import Limits
from rerankq.errors import SettingsError
from rerankq.settings import ClientSettings
from rerankq.variables import OTHER_NAMES, read_one, refuse_unknown
from rerankq_gateway.settings import GatewaySettings
from rerankq_worker.settings import WorkerSettings

SECRET = "sk-s3cret"  # noqa: S105 - what must not be shown
KEYS = ["sk-the-one", "sk-the-two", "sk-the-three"]


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith(("RERANKQ_", "DMXAPI_")):
            monkeypatch.delenv(name)


def refusal() -> str:
    with pytest.raises(SettingsError) as caught:
        WorkerSettings.load()
    assert caught.value.__cause__ is None
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("RERANKQ_RPM", "0", "must be 1 or more"),
        ("RERANKQ_RPM", "0.5", "must be a whole number"),
        ("RERANKQ_LEASE_SECONDS", "1e9", "must be 3,600 or less"),
        ("RERANKQ_LOG_FORMAT", "xml", "must be 'pretty' or 'json'"),
        ("RERANKQ_UPSTREAM_URL", "ftp://host", "must begin with 'http' or 'https' and ://"),
    ],
)
def test_a_wrong_setting_is_named_in_the_words_used_for_jobs(
    name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words are those that a wrong field of a job gets, not the validator's own."""
    monkeypatch.setenv("DMXAPI_API_KEY", KEYS[0])
    monkeypatch.setenv(name, value)
    assert refusal() == f"{name}: {said}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RERANKQ_REDIS_URL", f"http://:{SECRET}@host"),
        ("RERANKQ_RESULT_TTL", "0"),
        ("RERANKQ_RESULT_TTL", SECRET),
        ("RERANKQ_RESULT_TTL", "nan"),
        ("RERANKQ_RESULT_TTL", "inf"),
        ("RERANKQ_RESULT_TTL", "315360001"),
        ("RERANKQ_DEAD_TTL", "0"),
        ("RERANKQ_DEAD_TTL", "inf"),
        ("RERANKQ_MAX_QUEUE_DEPTH", "1" + "0" * 30),
        ("RERANKQ_DEAD_TTL", "nan"),
        ("RERANKQ_DEAD_TTL", "1e300"),
        ("RERANKQ_DEAD_TTL", "315360001"),
        ("RERANKQ_REDIS_URL", f"redis://:{SECRET}@[host"),
        ("RERANKQ_REDIS_URL", f"redis://:{SECRET}/x@host"),
        ("RERANKQ_REDIS_URL", f"redis://:{SECRET}#x@host"),
        ("RERANKQ_REDIS_URL", f"redis://user:12/{SECRET}@host"),
        ("RERANKQ_REDIS_URL", f"redis://:{SECRET}@host:0"),
        ("RERANKQ_REDIS_URL", f"redis://:{SECRET}@host:65536"),
        ("RERANKQ_REDIS_URL", f"redis://:{SECRET}@host:port"),
        ("RERANKQ_REDIS_URL", f"rediss://:{SECRET}@host/name"),
        ("RERANKQ_REDIS_URL", f"rediss://:{SECRET}@host/0/1"),
        ("RERANKQ_REDIS_URL", "unix://"),
        ("RERANKQ_MAX_QUEUE_DEPTH", "0"),
        ("RERANKQ_MAX_QUEUE_DEPTH", "1.5"),
        ("RERANKQ_UPSTREAM_URL", SECRET),
        ("RERANKQ_UPSTREAM_URL", f"ftp://{SECRET}@host"),
        ("RERANKQ_API_KEYS", f"{SECRET} x"),
        ("RERANKQ_API_KEYS", f"{SECRET}\u00e9"),
        ("DMXAPI_API_KEY", f"{SECRET}\n\n{SECRET}"),
        ("RERANKQ_DIALECT", SECRET),
        ("RERANKQ_DIALECT_OPTIONS", SECRET),
        ("RERANKQ_DIALECT_OPTIONS", f"{SECRET}=1"),
        ("RERANKQ_DIALECT_OPTIONS", f"max_tokens_per_doc={SECRET}"),
        ("RERANKQ_AUTH_PREFIX", f"{SECRET}\n"),
        ("RERANKQ_API_KEYS", f"'{SECRET}'"),
        ("RERANKQ_API_KEYS", f"Bearer {SECRET}"),
        ("RERANKQ_API_KEYS", f"{SECRET},{SECRET}"),
        ("RERANKQ_API_KEYS", f"{SECRET},short"),
        ("DMXAPI_API_KEY", f"bearer {SECRET}"),
        ("DMXAPI_API_KEY", f"${{{SECRET}}}"),
        ("RERANKQ_RPM", "0"),
        ("RERANKQ_RPM", SECRET),
        ("RERANKQ_RPM", "1" + "0" * 20),
        ("RERANKQ_TPM", "-1"),
        ("RERANKQ_CONCURRENCY", "0.5"),
        ("RERANKQ_MAX_IN_FLIGHT", "0"),
        ("RERANKQ_MAX_IN_FLIGHT", SECRET),
        ("RERANKQ_LEASE_SECONDS", "0.5"),
        ("RERANKQ_CALL_SECONDS", "0"),
        ("RERANKQ_CALL_SECONDS", "nan"),
        ("RERANKQ_MAX_ATTEMPTS", "0"),
        ("RERANKQ_GIVE_UP_SECONDS", "-1"),
        ("RERANKQ_GIVE_UP_SECONDS", "inf"),
        ("RERANKQ_DRAIN_SECONDS", "-1"),
        ("RERANKQ_DRAIN_SECONDS", "inf"),
    ],
)
def test_wrong_setting_is_named_without_its_value(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The message names the environment variable, and does not show its value."""
    monkeypatch.setenv(name, value)
    message = refusal()
    assert message.startswith(f"{name}: ")
    assert SECRET not in message


@pytest.mark.parametrize("where", ["environment", "file"])
def test_empty_means_unset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, where: str) -> None:
    """An empty variable counts as unset: the default or another name of the setting is used."""
    names = WorkerSettings.names()
    if where == "environment":
        for name in names:
            monkeypatch.setenv(name, "")
    file = tmp_path / "env"
    file.write_text("".join(f"{name}=\n" for name in names) + "DMXAPI_API_KEY=sk-of-the-file\n")
    settings = WorkerSettings.load(env_file=str(file))
    assert settings.sites({})[0].accounts[0].keys[0].authorization == "sk-of-the-file"
    assert settings.auth_prefix is None
    monkeypatch.undo()
    assert settings.model_dump(exclude={"vendor_keys"}) == WorkerSettings.load().model_dump(
        exclude={"vendor_keys"}
    )


def test_all_wrong_settings_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two wrong settings are both named, so that one start finds both."""
    monkeypatch.setenv("RERANKQ_MAX_IN_FLIGHT", "0")
    monkeypatch.setenv("RERANKQ_RESULT_TTL", "0")
    message = refusal()
    assert "RERANKQ_MAX_IN_FLIGHT: " in message
    assert "RERANKQ_RESULT_TTL: " in message


def test_settings_that_contradict_each_other_are_both_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """If two settings contradict each other, one sentence names both environment variables."""
    monkeypatch.setenv("RERANKQ_RESULT_TTL", "2")
    monkeypatch.setenv("RERANKQ_LEASE_SECONDS", "3")
    assert refusal() == "RERANKQ_RESULT_TTL must be at least RERANKQ_LEASE_SECONDS"


def test_an_unreadable_address_does_not_show_its_password() -> None:
    """An address that cannot be read is refused, and the message shows no part of the password."""
    from rerankq.store.store import Store  # noqa: PLC0415 - settings themselves need no redis

    with pytest.raises(SettingsError) as caught:
        Store("redis://:s3c/ret@host:6379/0")
    assert str(caught.value).startswith("RERANKQ_REDIS_URL ")
    assert "s3c" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "url",
    [
        "redis://localhost",
        "redis://localhost/",
        "redis://:p%2Fw%23@localhost:6379/15",
        "redis://localhost:6379/0?protocol=2",
        "rediss://user:password@[::1]:65535/0",
        "unix:///run/redis.sock?db=1",
    ],
)
def test_whole_addresses_are_taken(url: str) -> None:
    """An address with or without port and database is taken as it is."""
    assert ClientSettings.load(redis_url=url).redis_url == url


def test_the_longest_retention_is_ten_years(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest retention is ten years."""
    monkeypatch.setenv("RERANKQ_DEAD_TTL", "315360000")
    assert ClientSettings.load().dead_ttl == 315_360_000


def test_given_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a program gives wins; what it leaves at None comes from the environment."""
    monkeypatch.setenv("RERANKQ_REDIS_URL", "redis://from-environment")
    assert ClientSettings.load(redis_url="redis://given").redis_url == "redis://given"
    assert ClientSettings.load(redis_url=None).redis_url == "redis://from-environment"


def test_env_file_fills_what_the_environment_lacks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An env file is read, and the environment wins over it."""
    file = tmp_path / "env"
    file.write_text("RERANKQ_REDIS_URL=redis://from-file\nRERANKQ_MODEL=file\n")
    monkeypatch.setenv("RERANKQ_MODEL", "environment")
    settings = ClientSettings.load(env_file=str(file))
    assert (settings.redis_url, settings.model) == ("redis://from-file", "environment")


def test_misspelt_setting_is_refused_with_a_suggestion(monkeypatch: pytest.MonkeyPatch) -> None:
    """A RERANKQ_ name that nothing reads is an error that says what was probably meant."""
    monkeypatch.setenv("RERANKQ_REDIS_ULR", SECRET)
    with pytest.raises(SettingsError) as caught:
        refuse_unknown([*WorkerSettings.names(), *OTHER_NAMES])
    assert str(caught.value) == "RERANKQ_REDIS_ULR is no setting: did you mean RERANKQ_REDIS_URL?"


def test_strange_setting_is_refused_with_the_names_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For a RERANKQ_ name that is similar to none, the message lists all known names."""
    monkeypatch.setenv("RERANKQ_ZZZZZZZZZZ", "1")
    with pytest.raises(SettingsError, match=r"known are .*RERANKQ_REDIS_URL"):
        refuse_unknown(WorkerSettings.names())


def test_known_and_foreign_names_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Known settings, those of tests, and other programs' variables are left alone."""
    for name in ("RERANKQ_REDIS_URL", "RERANKQ_TEST_BIN", "OTHER_REDIS_ULR"):
        monkeypatch.setenv(name, "1")
    refuse_unknown(WorkerSettings.names())


SERVICE = {
    "RERANKQ_REDIS_SERVICE_HOST": "10.0.0.1",
    "RERANKQ_REDIS_SERVICE_PORT": "6379",
    "RERANKQ_REDIS_SERVICE_PORT_REDIS": "6379",
    "RERANKQ_REDIS_PORT": "tcp://10.0.0.1:6379",
    "RERANKQ_REDIS_PORT_6379_TCP": "tcp://10.0.0.1:6379",
    "RERANKQ_REDIS_PORT_6379_TCP_PROTO": "tcp",
    "RERANKQ_REDIS_PORT_6379_TCP_PORT": "6379",
    "RERANKQ_REDIS_PORT_6379_TCP_ADDR": "10.0.0.1",
    "RERANKQ_SERVICE_HOST": "10.0.0.2",
    "RERANKQ_PORT": "tcp://10.0.0.2:80",
    "RERANKQ_HEALTH_PORT": "tcp://10.0.0.3:80",
}
"""What Kubernetes sets for the Services `rerankq-redis`, `rerankq` and `rerankq-health`."""


def test_names_that_kubernetes_adds_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of a Service whose name begins with `rerankq` do not count as misspelt."""
    for name, value in SERVICE.items():
        monkeypatch.setenv(name, value)
    refuse_unknown(WorkerSettings.names())
    assert WorkerSettings.load().health_port is None


def test_a_misspelt_port_is_refused_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong port is refused, although Kubernetes' value of the same variable is ignored."""
    monkeypatch.setenv("RERANKQ_HELTH_PORT", "8080")
    with pytest.raises(SettingsError, match="did you mean RERANKQ_HEALTH_PORT"):
        refuse_unknown(WorkerSettings.names())


def test_one_name_is_read_from_environment_or_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The environment wins over the file, and an empty variable is ignored."""
    file = tmp_path / "env"
    assert read_one("RERANKQ_DEBUG", env_file=str(file)) == ""
    file.write_text("RERANKQ_DEBUG=1\n")
    monkeypatch.setenv("RERANKQ_DEBUG", "")
    assert read_one("RERANKQ_DEBUG", env_file=str(file)) == "1"
    monkeypatch.setenv("RERANKQ_DEBUG", "0")
    assert read_one("RERANKQ_DEBUG", env_file=str(file)) == "0"


def test_misspelt_name_in_the_env_file_is_refused(tmp_path: Path) -> None:
    """A RERANKQ_ name in the file that nothing reads is an error as it is in the environment."""
    file = tmp_path / "env"
    file.write_text(f"OTHER=1\nRERANKQ_MODEL=m\nexport RERANKQ_REDIS_ULR={SECRET}\n")
    with pytest.raises(SettingsError) as caught:
        refuse_unknown(WorkerSettings.names(), env_file=str(file))
    assert str(caught.value) == "RERANKQ_REDIS_ULR is no setting: did you mean RERANKQ_REDIS_URL?"


def test_env_file_need_not_exist_but_must_be_text(tmp_path: Path) -> None:
    """A missing file is no error; a file that is no text is an error that names it."""
    file = tmp_path / "env"
    refuse_unknown(WorkerSettings.names(), env_file=str(file))
    file.write_bytes(b"RERANKQ_MODEL=\xff\n")
    with pytest.raises(SettingsError, match="cannot be read"):
        refuse_unknown(WorkerSettings.names(), env_file=str(file))


@pytest.mark.parametrize("load", ["producer", "worker", "sandbox"])
def test_commands_look_at_the_env_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, load: str
) -> None:
    """Each command refuses a misspelt name in the `.env` of its folder."""
    from rerankq.cli.settings import load as load_producer  # noqa: PLC0415 - in its folder
    from rerankq_sandbox.command import sandbox  # noqa: PLC0415
    from rerankq_worker.commands.worker import worker  # noqa: PLC0415

    commands: dict[str, Callable[[], object]] = {
        "producer": load_producer,
        "worker": worker,
        "sandbox": sandbox,
    }
    (tmp_path / ".env").write_text("RERANKQ_REDIS_ULR=x\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError, match="RERANKQ_REDIS_ULR"):
        commands[load]()


def test_producer_knows_the_names_of_the_worker() -> None:
    """A producer in a worker's environment does not report the worker's settings as misspelt."""
    known = {*ClientSettings.names(), *OTHER_NAMES}
    assert {name for name in WorkerSettings.names() if name.startswith("RERANKQ_")} <= known


def test_producer_knows_the_names_of_the_gateway() -> None:
    """The same for a gateway."""
    assert {*GatewaySettings.names()} <= {*ClientSettings.names(), *OTHER_NAMES}


def test_several_keys_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    """RERANKQ_API_KEYS holds several keys; blanks around them and empty ones do not count."""
    monkeypatch.setenv("RERANKQ_API_KEYS", " sk-the-one, sk-the-two,,sk-the-three ")
    settings = WorkerSettings.load()
    assert [key.get_secret_value() for key in settings.api_keys] == KEYS
    (site,) = settings.sites({})
    (account,) = site.accounts
    assert [key.authorization for key in account.keys] == KEYS


def test_vendor_name_of_the_key_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """DMXAPI_API_KEY is the key when RERANKQ_API_KEYS is not set, and is never shown."""
    monkeypatch.setenv("DMXAPI_API_KEY", SECRET)
    settings = WorkerSettings.load()
    sites = settings.sites({})
    assert sites[0].accounts[0].keys[0].authorization == SECRET
    assert SECRET not in f"{settings!r} {settings} {settings.model_dump_json()} {sites}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RERANKQ_UPSTREAM_URL", "http://127.0.0.1:8787/v1/rerank"),
        ("RERANKQ_DIALECT", "vllm"),
    ],
)
def test_an_own_server_takes_any_key(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """A short key is refused for a vendor, but accepted for a local or self-hosted server."""
    monkeypatch.setenv("DMXAPI_API_KEY", "any")
    assert refusal().startswith("DMXAPI_API_KEY: a key has under 8 characters")
    monkeypatch.setenv(name, value)
    assert WorkerSettings.load().sites({})


def test_an_unused_key_is_not_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    """If RERANKQ_API_KEYS or a file of sites is set, other keys are not used and not checked."""
    monkeypatch.setenv("DMXAPI_API_KEY", "changeme")
    monkeypatch.setenv("RERANKQ_API_KEYS", SECRET)
    assert WorkerSettings.load().sites({})[0].accounts[0].keys[0].authorization == SECRET
    monkeypatch.delenv("RERANKQ_API_KEYS")
    monkeypatch.setenv("RERANKQ_UPSTREAM_FILE", "sites.toml")
    assert WorkerSettings.load().upstream_file


def test_missing_key_says_where_to_put_one() -> None:
    """Without a key the worker says which variable to set."""
    with pytest.raises(SettingsError, match="DMXAPI_API_KEY"):
        WorkerSettings.load().sites({})


def test_limits_that_contradict_each_other_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer tokens than requests a minute are refused, as each request costs a token at least."""
    monkeypatch.setenv("RERANKQ_RPM", "600")
    monkeypatch.setenv("RERANKQ_TPM", "500")
    assert refusal().startswith(
        "RERANKQ_TPM and RERANKQ_RPM contradict each other: 500 tokens a minute are too few for 600"
    )


def test_limits_hold_for_all_keys_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys of one setting are one account, named by the host of its site."""
    for name, value in {"RPM": "600", "TPM": "60000", "CONCURRENCY": "8"}.items():
        monkeypatch.setenv(f"RERANKQ_{name}", value)
    monkeypatch.setenv("RERANKQ_API_KEYS", ",".join(KEYS))
    monkeypatch.setenv("RERANKQ_UPSTREAM_URL", "http://user:pw@host:8787/v1/rerank")
    (site,) = WorkerSettings.load().sites({})
    (account,) = site.accounts
    assert (account.name, account.limits) == ("host:8787", Limits(600, 60_000, 8))
    assert len(account.keys) == 3


@pytest.mark.parametrize(
    ("dialect", "prefix", "authorization"),
    [
        ("dmxapi", None, SECRET),
        ("jina", None, f"Bearer {SECRET}"),
        ("cohere", None, f"Bearer {SECRET}"),
        ("cohere", "", f"Bearer {SECRET}"),
        ("cohere", "none", SECRET),
        ("dmxapi", "Token ", f"Token {SECRET}"),
    ],
)
def test_key_is_sent_as_the_dialect_wants_it(
    monkeypatch: pytest.MonkeyPatch, dialect: str, prefix: str | None, authorization: str
) -> None:
    """The prefix of the key is the dialect's, unless it is set; `none` means no prefix."""
    monkeypatch.setenv("DMXAPI_API_KEY", SECRET)
    monkeypatch.setenv("RERANKQ_DIALECT", dialect)
    if prefix is not None:
        monkeypatch.setenv("RERANKQ_AUTH_PREFIX", prefix)
    (site,) = WorkerSettings.load().sites({})
    assert site.accounts[0].keys[0].authorization == authorization


def test_options_of_the_dialect_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """RERANKQ_DIALECT_OPTIONS holds names and numbers; blanks around them do not count."""
    monkeypatch.setenv("DMXAPI_API_KEY", SECRET)
    monkeypatch.setenv("RERANKQ_DIALECT", "tei")
    given = " max_client_batch_size = 128,payload_limit=4000000, "
    monkeypatch.setenv("RERANKQ_DIALECT_OPTIONS", given)
    (site,) = WorkerSettings.load().sites({})
    assert site.options == {"max_client_batch_size": 128, "payload_limit": 4_000_000}


def test_options_are_those_of_the_dialect(monkeypatch: pytest.MonkeyPatch) -> None:
    """An option that the dialect does not have is refused, and the message names its options."""
    monkeypatch.setenv("RERANKQ_DIALECT", "vllm")
    monkeypatch.setenv("RERANKQ_DIALECT_OPTIONS", "max_tokens_per_doc=1")
    assert refusal() == (
        "RERANKQ_DIALECT_OPTIONS: the dialect vllm has no option of that name: "
        "known are truncate_prompt_tokens"
    )
    monkeypatch.setenv("RERANKQ_DIALECT", "vlm")
    assert refusal().startswith("RERANKQ_DIALECT: ")
    assert "OPTIONS" not in refusal()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("UPSTREAM_URL", "http://host/"),
        ("AUTH_PREFIX", "Bearer "),
        ("DIALECT", "cohere"),
        ("DIALECT_OPTIONS", " "),
        ("RPM", "60"),
        ("TPM", "6000"),
        ("CONCURRENCY", "2"),
    ],
)
def test_file_of_sites_replaces_the_settings_of_one_site(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """A setting of one site together with a file of sites is refused, and named."""
    monkeypatch.setenv("RERANKQ_UPSTREAM_FILE", "sites.toml")
    monkeypatch.setenv(f"RERANKQ_{name}", value)
    assert f"RERANKQ_UPSTREAM_FILE takes the place of RERANKQ_{name}" in refusal()


def test_file_of_sites_may_name_the_vendor_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """DMXAPI_API_KEY may be one of the variables that the file names, or be left unused."""
    file = tmp_path / "sites.toml"
    file.write_text(
        '[[sites]]\nname = "s"\nurl = "http://host/"\n'
        '[[sites.accounts]]\nname = "a"\nkeys = ["DMXAPI_API_KEY"]\n'
    )
    monkeypatch.setenv("RERANKQ_UPSTREAM_FILE", str(file))
    monkeypatch.setenv("DMXAPI_API_KEY", SECRET)
    (site,) = WorkerSettings.load().sites({"DMXAPI_API_KEY": SECRET})
    assert site.accounts[0].keys[0].authorization == SECRET


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("RERANKQ_AUTH_PREFIX", "B\u00e9arer ", "it has a character that no HTTP header may carry"),
        ("RERANKQ_REDIS_URL", "host:6379", "must begin with redis://, rediss://, unix:// or"),
        ("RERANKQ_REDIS_URL", "redis://host:x", "is not a Redis address: write redis://"),
    ],
)
def test_wrong_setting_says_what_would_be_right(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    """The message says what is allowed for this setting, without a regular expression."""
    monkeypatch.setenv(name, value)
    assert refusal().startswith(f"{name}: {words}")
