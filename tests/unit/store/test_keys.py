"""The names of keys in Redis, with and without a namespace."""

import pytest

from rerankq.errors import SettingsError
from rerankq.settings import ClientSettings
from rerankq.store.keys import Family, Grid, Keys

OF_OLD = {
    "job": "rerankq:job:x",
    "payload": "rerankq:payload:x",
    "result": "celery-task-meta-x",
    "staged": "rerankq:staged:x",
    "batch_entries": "rerankq:batch:x:entries",
    "lane": "rerankq:x",
    "lane_redelivery": "rerankq:x:again",
    "lane_set": "rerankq:x:y",
    "dead": "rerankq:dead",
    "last_heard": "rerankq:workers",
    "account_lane": "rerankq:account:x:workers:y",
    "account_slots": "rerankq:account:x:slots",
    "poison_told": "rerankq:poison:told:x",
    "queue": "x",
    "unacked_index": "rerankq.unacked_index",
    "binding": "rerankq.binding.x",
}


def built(keys: Keys, name: str) -> str:
    """The key of that attribute, for names x and y."""
    form = getattr(keys, name)
    match form:
        case Grid():
            return form("x", "y")
        case Family():
            return form("x")
        case _:
            return str(form)


def test_keys_without_a_namespace_keep_their_names() -> None:
    """Keys without a namespace have the same names as before namespaces existed."""
    assert {name: built(Keys(), name) for name in OF_OLD} == OF_OLD


@pytest.mark.parametrize("namespace", ["prod", "{prod}", "team-a.{eu_1}.x"])
def test_every_key_begins_with_its_namespace(namespace: str) -> None:
    """All keys of a namespace begin with it, so namespaces share no key."""
    bare, keys = Keys(), Keys(namespace)
    names = vars(bare).keys() - {"namespace", "prefix", "put_aside"}
    assert {built(keys, name) for name in names} == {
        f"{namespace}:{built(bare, name)}" for name in names
    }
    # A key that was put aside keeps its namespace.
    assert keys.put_aside(keys.dead) == f"{namespace}:rerankq:dead:put-aside"
    assert keys.job.name_of(keys.job("a")) == "a"


@pytest.mark.parametrize(
    "namespace",
    ["a:b", "a b", "a*", "{a", "a}", "{}", "{a}{b}", "a%s", "ü", "a\n", "'", 65 * "a"],
)
def test_an_invalid_namespace_is_refused(namespace: str) -> None:
    """A namespace with odd characters is refused, and the message says what is allowed."""
    said = "^RERANKQ_NAMESPACE: must be at most 64 letters, digits and _ . -, of which one part may"
    with pytest.raises(SettingsError, match=said):
        ClientSettings.load(namespace=namespace)


@pytest.mark.parametrize("namespace", ["rerankq", "rerankq.prod", "celery-task-meta-x"])
def test_a_namespace_cannot_be_mixed_up_with_other_keys(namespace: str) -> None:
    """A namespace that begins like keys without a namespace is refused."""
    with pytest.raises(SettingsError, match="must not begin with rerankq or"):
        ClientSettings.load(namespace=namespace)
