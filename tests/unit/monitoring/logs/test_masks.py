import pytest

from rerankq.monitoring.logs.masks import Masks, secrets_in

KEY = "sk-abcdefghijklmnop0123"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("at redis://joe:p%40ss@host:6379/0", "at redis://***@host:6379/0"),
        ("at redis://:pass@host and http://host/a@b", "at redis://***@host and http://host/a@b"),
        (f"the key {KEY}!", "the key sk-***!"),
        ("token rk_AbCdEf-0123456789_xyz.", "token rk_***."),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_***"),
        ("sent Bearer abcdef0123456789", "sent Bearer ***"),
        ("{'Authorization': 'secret0', 'x': 1}", "{'Authorization': '***', 'x': 1}"),
        ("[(b'authorization', b'secret0')]", "[(b'authorization', b'***')]"),
        ("?api_key=secret0&x=1", "?api_key=***"),
        ("nothing to see: 3 documents, 2 keys", "nothing to see: 3 documents, 2 keys"),
        ("1 key: sk-…ghij (a1b2)", "1 key: sk-…ghij (a1b2)"),
    ],
)
def test_what_looks_like_a_secret_is_blanked_out(line: str, shown: str) -> None:
    """Passwords in addresses, keys, tokens and headers never stand in a line."""
    assert Masks()(line) == shown


def test_secrets_that_are_known_are_blanked_out_wherever_they_stand() -> None:
    """A secret of this process is not shown in any form; a short one is not looked for."""
    known = [*secrets_in("rediss://u:p%40ssword@host/0?ssl_password=of%20the%20key"), "abc"]
    assert set(known) == {"p%40ssword", "p@ssword", "of%20the%20key", "of the key", "abc"}
    masked = Masks(known)
    assert masked("p@ssword, then of the key, then abc") == "***, then ***, then abc"
    assert list(secrets_in("redis://host/0")) == [""]
