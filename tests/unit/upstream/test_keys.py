"""Keys that cannot be right: each fault is said in words, and the key is not among them."""

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
def test_what_may_be_a_key_is_taken(key: str) -> None:
    """A key is no placeholder for holding a word that placeholders are made of."""
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
def test_what_no_server_takes_is_told(key: str, words: str, *, own_server: bool) -> None:
    """A key with something around it, or something in its place, is found, whoever is to get it."""
    fault = key_fault(key, own_server=own_server)
    assert fault is not None
    assert words in fault
    assert "a1b2" not in fault


@pytest.mark.parametrize("key", ["x", "sk-", "sk-1234"])
def test_what_no_vendor_gave_out_is_told(key: str) -> None:
    """A key that is short is none of a vendor's; one's own server may take it."""
    assert SHORT in (key_fault(key, own_server=False) or "")
    assert key_fault(key, own_server=True) is None


@pytest.mark.parametrize(
    "key", ["your-api-key", "YOUR_API_KEY_HERE", "sk-your-dmxapi-key", "sk-xxxxxxxxxxxxxxxx"]
)
def test_a_word_in_the_place_of_a_key_is_suspected(key: str) -> None:
    """What examples have in the place of a key is taken, and looks made up: it has no digit."""
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
        ("http://10.0.0.7:8080/rerank", "tei", True),
        ("None", "None", False),
    ],
)
def test_own_servers_are_known_by_host_or_dialect(url: str, dialect: str, *, own: bool) -> None:
    """A server on this machine, or that people run themselves, may have a made-up key."""
    assert is_own_server(url, dialect) is own
