"""Redis' address: it is read once, and its secret parts are never shown."""

import json
from pathlib import Path
from typing import Any

import pytest

from rerankq.store.address import RedisAddress

SECRET = "s3cret"  # noqa: S105  what must not be shown


@pytest.mark.parametrize(
    ("url", "arguments", "public"),
    [
        (
            "redis://",
            {"host": "localhost", "port": 6379, "db": 0, "username": None, "password": None},
            "redis://localhost:6379/0",
        ),
        (
            "redis://us%40er:p%2Fw%23%3B%25@Host:1/15?protocol=2&client_name=shop",
            {"host": "host", "db": 15, "username": "us@er", "password": "p/w#;%", "protocol": 2},
            "redis://host:1/15",
        ),
        ("redis://h?db=3", {"db": 3}, "redis://h:6379/3"),
        ("redis://h/3?db=3", {"db": 3}, "redis://h:6379/3"),
        ("rediss://:pw@[::1]:65535/0", {"host": "::1", "password": "pw"}, "rediss://[::1]:65535/0"),
        (
            "rediss://h?ssl_cert_reqs=CERT_NONE&ssl_check_hostname=false&ssl_ca_certs=/a%20b",
            {"ssl_cert_reqs": "none", "ssl_check_hostname": False, "ssl_ca_certs": "/a b"},
            "rediss://h:6379/0",
        ),
        (
            "unix:///run/a%20b.sock?db=1",
            {"path": "/run/a b.sock", "db": 1},
            "unix:///run/a%20b.sock?db=1",
        ),
        (
            "sentinel://ann:p%2Fw@one,[::1]:7000/my-master/3?sentinel_password=s%40&client_name=x",
            {"db": 3, "username": "ann", "password": "p/w", "client_name": "x"},
            "sentinel://one:26379,[::1]:7000/my-master/3",
        ),
        (
            "sentinels://:pw@one:1/svc?db=2&ssl_ca_certs=/ca",
            {"db": 2, "password": "pw", "ssl_ca_certs": "/ca"},
            "sentinels://one:1/svc/2",
        ),
        ("unix://ann:pw@/s", {"path": "/s", "username": "ann", "password": "pw"}, "unix:///s?db=0"),
    ],
)
def test_each_form_is_read(url: str, arguments: dict[str, Any], public: str) -> None:
    """Each form of an address works for all parts that connect, and is logged without its user."""
    address = RedisAddress.parse(url)
    assert arguments.items() <= address.arguments().items()
    assert ("path" in address.arguments()) == url.startswith("unix")
    assert address.public_url == public


def test_time_limits_and_pool_size_are_only_for_the_ledger() -> None:
    """Time limits and the number of connections are kept apart from the options of a connection."""
    address = RedisAddress.parse(
        "redis://h?max_connections=7&socket_timeout=2.5&socket_connect_timeout=1"
        "&health_check_interval=30"
    )
    assert address.patience() == {
        "max_connections": 7,
        "socket_timeout": 2.5,
        "socket_connect_timeout": 1.0,
        "health_check_interval": 30,
    }
    assert not address.patience().keys() & address.arguments().keys()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"amqp://:{SECRET}@h", "must begin with redis://"),
        (f"redis+socket:///{SECRET}", "must begin with redis://"),
        (
            f"redis+sentinel://:{SECRET}@h:26379/mymaster/0",
            "names a Sentinel in the form of another program: write sentinel://",
        ),
        (f"sentinel://:{SECRET}@a;sentinel://:{SECRET}@b/m", "has several addresses: write all"),
        (f"sentinel://:{SECRET}@h:26379", "names no service: write sentinel://"),
        (f"sentinel://:{SECRET}@h:26379/", "names no service: write sentinel://"),
        (f"sentinel://:{SECRET}@h/m/x", "has no number of a database after the service"),
        (f"sentinel://:{SECRET}@h,/m", "is not an address of Sentinel"),
        (f"sentinel://:{SECRET}@h:99999/m", "is not an address of Sentinel"),
        (f"sentinel://:1/{SECRET}@h/m/0", "is not an address of Sentinel"),
        (f"sentinel://:1#{SECRET}@h/m/0", "is not an address of Sentinel"),
        (f"sentinel://h/m/0?master_name={SECRET}", "has an unknown option: "),
        ("sentinel://h/m/1?db=2", "names two databases"),
        ("sentinel://h/m?ssl_ca_certs=/x", "has ssl_ca_certs, which is only for rediss://"),
        (f"redis://h?sentinel_password={SECRET}", "has sentinel_password, which is only for s"),
        (f"redis://:12?{SECRET}@h", "is not a Redis address"),
        (f"redis://:12?db={SECRET}@h", "is not a Redis address"),
        (f"unix://{SECRET}/run/redis.sock", "is not a Redis address"),
        ("unix:///", "is not a Redis address"),
        ("redis://h/0?db=1", "names two databases"),
        ("redis://h?db=-1", "db must be a whole number from 0"),
        ("redis://h?db=1&db=1", "has db twice"),
        ("redis://h?protocol=4", "protocol must be a whole number from 2 to 3"),
        ("redis://h?socket_timeout=0", "socket_timeout must be a number of seconds above 0"),
        ("redis://h?socket_timeout=nan", "socket_timeout must be a number of seconds above 0"),
        ("redis://h?client_name=a%20b", "client_name must have no blanks"),
        ("redis://h?socket_timout=1", "has an unknown option: did you mean socket_t"),
        ("redis://h?decode_responses=true", "has an unknown option: known are db, "),
        (f"redis://h?{SECRET}", "has an unknown option: known are db, "),
        ("redis://h?ssl_cert_reqs=none", "has ssl_cert_reqs, which is only for rediss://"),
        ("rediss://h?ssl_cert_reqs=maybe", "ssl_cert_reqs must be required, optional or none"),
        ("rediss://h?ssl_check_hostname=2", "ssl_check_hostname must be true or false"),
        ("rediss://h?ssl_keyfile=/k", "has ssl_keyfile without ssl_certfile"),
    ],
)
def test_options_that_would_fail_later_are_refused_at_once(url: str, said: str) -> None:
    """An option that does not work for all parts is refused in a sentence without its value."""
    with pytest.raises(ValueError, match=r"\w") as caught:
        RedisAddress.parse(url)
    assert str(caught.value).startswith(said)
    assert SECRET not in str(caught.value)


def test_files_that_are_not_there_are_named_by_their_option(tmp_path: Path) -> None:
    """A CA file that cannot be read is reported by its option; Redis does not seem to be away."""
    present = tmp_path / "ca.pem"
    present.touch()
    RedisAddress.parse(f"rediss://h?ssl_ca_certs={present}&ssl_ca_path={tmp_path}").check_files()
    with pytest.raises(ValueError, match="ssl_ca_certs names a file that is not there"):
        RedisAddress.parse(f"rediss://h?ssl_ca_certs={tmp_path}/none").check_files()


def test_no_form_in_which_it_is_shown_has_the_secret() -> None:
    """Neither its text nor its JSON, which Flower shows, contains the password or the options."""
    address = RedisAddress.parse(f"rediss://ann:{SECRET}@h/0?ssl_password={SECRET}")
    for shown in (repr(address), str(address), address.shown, json.dumps(address.__json__())):
        assert SECRET not in shown
    same, other = (RedisAddress.parse(f"redis://:{each}@h") for each in (SECRET, "another"))
    assert repr(same) == repr(RedisAddress.parse(f"redis://:{SECRET}@h"))
    assert repr(same) != repr(other)


def test_the_login_at_sentinels_is_told_apart_and_never_shown() -> None:
    """Redis and its Sentinels have logins of their own, and the same TLS; neither is shown."""
    address = RedisAddress.parse(
        f"sentinels://ann:{SECRET}1@h/m/0?sentinel_username=bob&sentinel_password={SECRET}2"
        "&ssl_ca_certs=/ca"
    )
    assert address.sentinels
    said = address.sentinels.arguments()
    assert (said["username"], said["password"]) == ("bob", f"{SECRET}2")
    assert said["ssl_ca_certs"] == address.arguments()["ssl_ca_certs"] == "/ca"
    assert address.arguments()["password"] == f"{SECRET}1"
    assert "host" not in address.arguments()
    for shown in (repr(address), address.shown, json.dumps(address.__json__())):
        assert SECRET not in shown
