"""Keys that cannot be right: each fault is explained without showing the key."""

import pytest

from rerankq_worker.upstream.keys import is_own_server, key_fault, looks_made_up

QUOTES = "in quotes"
HEADER = "the name of a header"
SCHEME = 'begins with "Bearer" or the like'
STARS = "has stars"
ADDRESS = "is an address"
UNFILLED = "was to be filled in"
CHARACTER = "a character that no HTTP header may carry"
SHORT = "under 8 characters"


@pytest.mark.parametrize(
    "key",
    [
        "sk-a1b2c3d4",
        "a.b_c-d=",
        "jina_0123456789abcdef",
        "sk-proj-Yourself_0",
        "tokenisation-7f3a",
        "basically/one+key=",
        "my-key-7f3a",
    ],
)
def test_a_possible_key_is_accepted(key: str) -> None:
    """A key that contains a word of placeholders is still accepted."""
    assert key_fault(key, own_server=False) is None


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ('"sk-a1b2c3d4"', QUOTES),
        ("sk-a1b2c3d4'", QUOTES),
        ("Authorization:sk-a1b2c3d4", HEADER),
        ("authorization: Bearer sk-a1b2c3d4", HEADER),
        ("X-Api-Key:sk-a1b2c3d4", HEADER),
        ("Bearer sk-a1b2c3d4", SCHEME),
        ("bearer sk-a1b2c3d4", SCHEME),
        ("TOKEN sk-a1b2c3d4", SCHEME),
        ("Bearer", SCHEME),
        ("Bearer:sk-a1b2c3d4", SCHEME),
        ("sk-****************************", STARS),
        ("sk-a1b2****c3d4", STARS),
        ("https://www.dmxapi.cn", ADDRESS),
        ("${KEY}", UNFILLED),
        ("$DMXAPI_API_KEY", UNFILLED),
        ("sk-${KEY}", UNFILLED),
        ("$(cat key.txt)", UNFILLED),
        ("{{ dmxapi_key }}", UNFILLED),
        ("<your key>", UNFILLED),
        ("%DMXAPI_API_KEY%", UNFILLED),
        ("sk a1b2c3d4", CHARACTER),
        ("sk-a1b2c3d4\n", CHARACTER),
        ("sk-a1b2c3d4\u00e9", CHARACTER),
        ("sk-你的密钥", CHARACTER),
    ],
)
@pytest.mark.parametrize("own_server", [True, False])
def test_an_impossible_key_is_refused(key: str, words: str, *, own_server: bool) -> None:
    """A key with additional characters, or something that is no key, is refused for any server."""
    fault = key_fault(key, own_server=own_server)
    assert fault is not None
    assert words in fault
    assert "a1b2" not in fault


@pytest.mark.parametrize("key", ["x", "sk-", "sk-1234"])
def test_a_short_key_is_only_for_an_own_server(key: str) -> None:
    """A short key is refused for a vendor; a self-hosted server may accept it."""
    assert SHORT in (key_fault(key, own_server=False) or "")
    assert key_fault(key, own_server=True) is None


@pytest.mark.parametrize(
    "key", ["your-api-key", "YOUR_API_KEY_HERE", "sk-your-dmxapi-key", "sk-xxxxxxxxxxxxxxxx"]
)
def test_a_word_instead_of_a_key_looks_made_up(key: str) -> None:
    """A word from an example is accepted, but looks made up, because it has no digit."""
    assert key_fault(key, own_server=False) is None
    assert looks_made_up(key)


@pytest.mark.parametrize(
    ("url", "dialect", "own"),
    [
        ("https://www.dmxapi.cn/v1/rerank", "dmxapi", False),
        ("https://127.0.0.1.example.com/v1/rerank", "cohere", False),
        ("http://127.0.0.1:8787/v1/rerank", "dmxapi", True),
        ("http://[::1]:8787/v1/rerank", "dmxapi", True),
        ("http://localhost/v1/rerank", "dmxapi", True),
        ("http://10.0.0.7:8000/v1/rerank", "vllm", True),
        ("http://10.0.0.7:8000/score", "vllm-score", True),
        ("http://10.0.0.7:8080/rerank", "tei", True),
        ("None", "None", False),
    ],
)
def test_own_servers_are_known_by_host_or_dialect(url: str, dialect: str, *, own: bool) -> None:
    """A local or self-hosted server may have a made-up key."""
    assert is_own_server(url, dialect) is own
