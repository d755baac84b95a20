"""Which site and model a word of the command line names."""

import pytest

from rerankq.accounts.accounts import Limits
from rerankq.errors import SettingsError
from rerankq_worker.comparison.target import target_from
from rerankq_worker.upstream.sites import Account, Key, Site

ACCOUNT = Account("a", (Key("k"),), Limits())
SITES = (
    Site("one", "http://one", "jina", (ACCOUNT,), {"m": "vendor/m", "n": "vendor/n"}),
    Site("127.0.0.1:8787", "http://any", "vllm", (ACCOUNT,)),
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("one", "one:vendor/m"),
        ("one:n", "one:vendor/n"),
        ("one:vendor/n", "one:vendor/n"),
        ("n", "one:vendor/n"),
        ("other", "127.0.0.1:8787:other"),
        ("127.0.0.1:8787", "127.0.0.1:8787:m"),
        ("127.0.0.1:8787:tiny", "127.0.0.1:8787:tiny"),
    ],
)
def test_a_site_a_model_or_both(text: str, name: str) -> None:
    """A site alone has the default model; a model alone goes to the first site that serves it."""
    assert target_from(text, SITES, "m").name == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("one:x", "the site one does not serve the model x: it serves m, n; write one:MODEL"),
        ("x", "x names no site, and no site serves a model of that name: known sites are one"),
    ],
)
def test_what_no_site_serves(text: str, said: str) -> None:
    """The message says what could be written."""
    with pytest.raises(SettingsError) as caught:
        target_from(text, SITES[:1], "m")
    assert str(caught.value) == said
