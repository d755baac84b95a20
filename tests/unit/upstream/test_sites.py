"""Sites, accounts and keys, and their file: each fault is named, and no key is shown."""

from pathlib import Path

import pytest

from rerankq.accounts.accounts import Limits
from rerankq.errors import SettingsError
from rerankq_worker.upstream.call_limits import NO_LIMITS, CallLimits
from rerankq_worker.upstream.cheap_hours import CheapHours
from rerankq_worker.upstream.score_scale import ScoreScale
from rerankq_worker.upstream.site_file import MOST_BYTES, read_sites
from rerankq_worker.upstream.sites import Key, Site

SECRET = "sk-s3cret"  # noqa: S105 - what must not be shown
KEYS = {"KEY_1": SECRET, "KEY_2": "sk-another", "QUOTED": f'"{SECRET}"'}

MINIMAL = """
[[sites]]
name = "first"
url = "https://first.example/v1/rerank"
[[sites.accounts]]
name = "main"
keys = ["KEY_1"]
"""

WHOLE = """
[[sites]]
name = "first"
url = "https://first.example/v1/rerank"
models = { reranker = "vendor/reranker" }
[[sites.accounts]]
name = "main"
keys = ["KEY_1", "KEY_2"]
rpm = 600
[[sites.accounts]]
name = "spare"
keys = ["KEY_3"]
tpm = 60000
concurrency = 4
[[sites]]
name = "second"
url = "https://second.example/rerank"
dialect = "tei"
auth_prefix = "Token "
[[sites.accounts]]
name = "main"
keys = ["KEY_1"]
"""


def read(folder: Path, text: str, **more: str) -> tuple[Site, ...]:
    file = folder / "upstream.toml"
    file.write_text(text)
    return read_sites(file, KEYS | more)


def test_file_is_read_in_its_order(tmp_path: Path) -> None:
    """Sites, accounts and keys come as the file has them, with their limits."""
    first, second = read(tmp_path, WHOLE, KEY_3=" sk-third\n")
    assert (first.name, first.url) == ("first", "https://first.example/v1/rerank")
    assert [each.name for each in first.accounts] == ["first/main", "first/spare"]
    assert [each.limits for each in first.accounts] == [Limits(rpm=600), Limits(None, 60_000, 4)]
    assert [each.authorization for each in first.accounts[0].keys] == [SECRET, "sk-another"]
    assert first.accounts[1].keys[0].authorization == "sk-third"
    assert (first.dialect, second.dialect) == ("dmxapi", "tei")
    assert second.accounts[0].keys[0].authorization == f"Token {SECRET}"


def test_a_site_serves_the_models_it_names(tmp_path: Path) -> None:
    """A site with `models` serves only these; a site without serves every model by its name."""
    first, second = read(tmp_path, WHOLE, KEY_3="sk-third")
    assert first.model("reranker") == "vendor/reranker"
    assert first.model("vendor/reranker") is None
    assert second.model("reranker") == "reranker"


def test_dialect_sets_the_prefix_of_a_key(tmp_path: Path) -> None:
    """A site without its own prefix has that of its dialect."""
    text = MINIMAL.replace("[[sites.accounts]]", 'dialect = "cohere"\n[[sites.accounts]]')
    (site,) = read(tmp_path, text)
    assert site.accounts[0].keys[0].authorization == f"Bearer {SECRET}"


def test_dialect_has_options(tmp_path: Path) -> None:
    """A site has the dialect's options, by the vendor's names."""
    text = 'dialect = "tei"\noptions = { max_client_batch_size = 128 }\n[[sites.accounts]]'
    (site,) = read(tmp_path, MINIMAL.replace("[[sites.accounts]]", text))
    assert site.options == {"max_client_batch_size": 128}
    assert read(tmp_path, MINIMAL)[0].options == {}


def test_a_site_says_what_its_scores_are(tmp_path: Path) -> None:
    """For all its models, or for single ones by the names that jobs use; else nothing is known."""
    (site,) = read(tmp_path, MINIMAL)
    assert site.scales.of("any") is None
    (site,) = read(tmp_path, MINIMAL.replace("[[sites.acc", 'scores = "logit"\n[[sites.acc'))
    assert site.scales.of("any") is ScoreScale.LOGIT
    text = 'models = { a = "vendor/a", b = "b" }\nscores = { a = "probability" }\n[[sites.acc'
    (site,) = read(tmp_path, MINIMAL.replace("[[sites.acc", text))
    assert site.scales.of("vendor/a") is ScoreScale.PROBABILITY
    assert site.scales.of("b") is None


def test_a_site_says_how_many_tokens_its_models_read(tmp_path: Path) -> None:
    """For all its models, or for single ones by the names that jobs use."""
    text = 'context_tokens = 8192\ntoken_counter = "3.5"\n[[sites.acc'
    (site,) = read(tmp_path, MINIMAL.replace("[[sites.acc", text))
    assert (site.context.tokens.of("any"), site.context.counter.of("any")) == (8192, "3.5")
    text = 'models = { a = "vendor/a", b = "b" }\ncontext_tokens = { a = 512 }\n[[sites.acc'
    (site,) = read(tmp_path, MINIMAL.replace("[[sites.acc", text))
    assert [site.context.tokens.of(name) for name in ("vendor/a", "b")] == [512, None]


def test_a_site_has_cheap_hours(tmp_path: Path) -> None:
    """They have a time zone; a site without them always costs the same."""
    hours = 'cheap_hours = { hours = "22:00-06:00", time_zone = "Asia/Shanghai" }\n[[sites.acc'
    (site,) = read(tmp_path, MINIMAL.replace("[[sites.acc", hours))
    assert site.cheap_hours == CheapHours.parse("22:00-06:00", "Asia/Shanghai")
    assert read(tmp_path, MINIMAL)[0].cheap_hours is None


def test_a_site_says_what_a_call_may_have(tmp_path: Path) -> None:
    """A site has limits of a call, models that are not divided, and a name for equal scores."""
    said = 'call_documents = 100\ncall_bytes = 50000\nlistwise = ["reranker"]\nscores_as = "ours"\n'
    site, other = read(tmp_path, WHOLE.replace("models =", said + "models ="), KEY_3="sk-third")
    assert site.call_limits == CallLimits(documents=100, bytes=50_000)
    assert not site.is_pointwise("vendor/reranker")
    assert site.is_pointwise("another")
    assert site.scores_as == "ours"
    assert (other.call_limits, other.scores_as) == (NO_LIMITS, None)


def test_models_whose_names_say_it_are_listwise(tmp_path: Path) -> None:
    """A job of a model that is known to be listwise is divided nowhere."""
    (site,) = read(tmp_path, MINIMAL)
    assert not site.is_pointwise("jinaai/jina-reranker-v3")
    assert site.is_pointwise("jina-reranker-v2-base-multilingual")


def test_own_server_may_have_a_short_key(tmp_path: Path) -> None:
    """The length of a key for a self-hosted server is not checked."""
    text = MINIMAL.replace("[[sites.accounts]]", 'dialect = "vllm"\n[[sites.accounts]]')
    (site,) = read(tmp_path, text, KEY_1="EMPTY")
    assert site.accounts[0].keys[0].authorization == "Bearer EMPTY"


@pytest.mark.parametrize("prefix", ["", "none"])
def test_site_may_have_no_prefix(tmp_path: Path, prefix: str) -> None:
    """An empty prefix, or the word `none`, means no prefix."""
    text = f'dialect = "cohere"\nauth_prefix = "{prefix}"\n[[sites.accounts]]'
    (site,) = read(tmp_path, MINIMAL.replace("[[sites.accounts]]", text))
    assert site.accounts[0].keys[0].authorization == SECRET


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ('name = "first"', "", r"sites\.0\.name: Field required"),
        ('name = "first"', 'name = "a b"', r"sites\.0\.name: must be 1 to 100 letters,"),
        ("[[sites.accounts]]", 'scores = "odds"\n[[sites.accounts]]', r"sites\.0\.scores"),
        (
            "[[sites.accounts]]",
            'models = { a = "b" }\nscores = { b = "logit" }\n[[sites.accounts]]',
            "scores names b, which is none of its models",
        ),
        (
            "[[sites.accounts]]",
            'models = { a = "b" }\ncontext_tokens = { b = 512 }\n[[sites.accounts]]',
            "context_tokens names b, which is none of its models",
        ),
        ("[[sites.accounts]]", 'token_counter = "odd"\n[[sites.accounts]]', "no token counter odd"),
        ('name = "main"', 'name = "a/b"', r"accounts\.0\.name: must be 1 to 100 letters,"),
        ("https://first.example/v1/rerank", "first.example", r"sites\.0\.url: "),
        ("https://first", "ftp://first", r"sites\.0\.url: "),
        ('keys = ["KEY_1"]', "keys = []", r"sites\.0\.accounts\.0\.keys: "),
        ('keys = ["KEY_1"]', "", r"sites\.0\.accounts\.0\.keys: Field required"),
        ('keys = ["KEY_1"]', 'keys = "KEY_1"', r"sites\.0\.accounts\.0\.keys: "),
        ('keys = ["KEY_1"]', 'keys = ["KEY_1"]\nrpm = 0', r"sites\.0\.accounts\.0\.rpm: "),
        ('keys = ["KEY_1"]', 'keys = ["KEY_1"]\ntpm = "x"', r"sites\.0\.accounts\.0\.tpm: "),
        ('keys = ["KEY_1"]', 'keys = ["KEY_1"]\nrps = 1', r"sites\.0\.accounts\.0\.rps: Extra"),
        (
            'keys = ["KEY_1"]',
            'keys = ["KEY_1"]\nrpm = 600\ntpm = 500',
            r"sites\.0\.accounts\.0: tpm and rpm contradict each other: 500 tokens a minute are",
        ),
        ("[[sites.accounts]]", 'dialect = "x"\n[[sites.accounts]]', "first: there is no dialect x"),
        (
            "[[sites.accounts]]",
            'dialect = "tei"\noptions = { max_batch_size = 1 }\n[[sites.accounts]]',
            "site first: options: the dialect tei has no option of that name: known are max_cl",
        ),
        (
            "[[sites.accounts]]",
            "options = { top_n = 1 }\n[[sites.accounts]]",
            "site first: options: the dialect dmxapi has no option of that name: it has none",
        ),
        (
            "[[sites.accounts]]",
            'dialect = "vllm"\noptions = { truncate_prompt_tokens = 0 }\n[[sites.accounts]]',
            "site first: options: truncate_prompt_tokens must be -1 or at least 1",
        ),
        (
            "[[sites.accounts]]",
            "options = { max_tokens_per_doc = true }\n[[sites.accounts]]",
            r"sites\.0\.options\.max_tokens_per_doc: ",
        ),
        ("[[sites.accounts]]", 'auth_prefix = "a\\nb"\n[[sites.accounts]]', "auth_prefix: it"),
        ("[[sites.accounts]]", 'models = { m = "" }\n[[sites.accounts]]', r"sites\.0\.models\.m: "),
        ("[[sites.accounts]]", "[[sites.account]]", r"sites\.0\.accounts: Field required"),
        ("[[sites]]", "[[sites]", "is no TOML: .* line 2"),
        (MINIMAL, "", "sites: Field required"),
        (MINIMAL, "sites = []", "sites: "),
        (
            "[[sites.accounts]]",
            "shadow = 0.1\n[[sites.accounts]]",
            "no site would serve jobs: leave",
        ),
        (
            "[[sites.accounts]]",
            "shadow = 1.5\n[[sites.accounts]]",
            r"sites\.0\.shadow: Input should",
        ),
        (MINIMAL, MINIMAL + MINIMAL, "the name first is given twice"),
        (
            'keys = ["KEY_1"]',
            'keys = ["KEY_1"]\n[[sites.accounts]]\nname = "main"\nkeys = ["KEY_2"]',
            "the name first/main is given twice",
        ),
        ('keys = ["KEY_1"]', 'keys = ["KEY_1", "KEY_1"]', "site first: a key is given twice"),
        (
            'keys = ["KEY_1"]',
            'keys = ["KEY_1"]\n[[sites.accounts]]\nname = "b"\nkeys = ["KEY_1"]',
            "site first: a key is given twice",
        ),
        ('"KEY_1"', '"NOT_SET"', "first/main: key 1 names no environment variable that is set"),
        ('"KEY_1"', f'"KEY_2", "{SECRET}"', "first/main: key 2 names no environment variable"),
        ('"KEY_1"', '"QUOTED"', "QUOTED: a key stands in quotes"),
    ],
)
def test_fault_in_the_file_is_named(tmp_path: Path, old: str, new: str, named: str) -> None:
    """Each fault in the file is named with its place, and no key is shown."""
    assert old in MINIMAL
    with pytest.raises(SettingsError, match=named) as caught:
        read(tmp_path, MINIMAL.replace(old, new))
    assert str(caught.value).startswith(("RERANKQ_UPSTREAM_FILE: ", "QUOTED: "))
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


def test_all_faults_are_named_at_once(tmp_path: Path) -> None:
    """Two faults are both named, so that one start finds both."""
    text = MINIMAL.replace("https", "ftp") + "rpm = 0\n"
    with pytest.raises(SettingsError, match=r"sites\.0\.url: .*; sites\.0\.accounts\.0\.rpm: "):
        read(tmp_path, text)


def test_file_must_be_there_and_be_text(tmp_path: Path) -> None:
    """A missing file, a folder, bytes that are no text, and too many bytes are each named."""
    file = tmp_path / "upstream.toml"
    for path in (file, tmp_path):
        with pytest.raises(SettingsError, match="cannot be read"):
            read_sites(path, KEYS)
    file.write_bytes(b'name = "\xff"')
    with pytest.raises(SettingsError, match="is no TOML"):
        read_sites(file, KEYS)
    for content in (b"sites = " + b"[" * 100_000, b"sites = " + b"9" * 5000):
        file.write_bytes(content)
        with pytest.raises(SettingsError, match="is nested too deeply, or has a number that is"):
            read_sites(file, KEYS)
    file.write_bytes(b".".join([b"sites"] * 10_000) + b" = 1")
    with pytest.raises(SettingsError, match=r"upstream\.toml: sites: "):
        read_sites(file, KEYS)
    with pytest.raises(SettingsError, match="is over 1,048,576 bytes"):
        read_sites(Path("/dev/zero"), KEYS)
    file.write_bytes(b"#" * (MOST_BYTES + 1))
    with pytest.raises(SettingsError, match="is over 1,048,576 bytes"):
        read_sites(file, KEYS)


def test_file_in_the_docstring_can_be_read(tmp_path: Path) -> None:
    """The example in the module's docstring can be read."""
    from rerankq_worker.upstream import site_file  # noqa: PLC0415  the module itself

    example = str(site_file.__doc__).split("\n\n", 1)[1].rpartition("\n\n")[0]
    text = "\n".join(line.removeprefix("    ") for line in example.splitlines())
    (site,) = read(tmp_path, text, DMXAPI_API_KEY=SECRET)
    assert site.accounts[0].limits == Limits(rpm=600)


def test_key_is_shown_by_its_fingerprint() -> None:
    """A key is never shown; its id is the same in all workers, and differs from other keys'."""
    key = Key(SECRET)
    assert SECRET not in f"{key} {key!r} {key.id}"
    assert key.id == Key(SECRET).id != Key(f"Bearer {SECRET}").id
    assert len(key.id) == 8
