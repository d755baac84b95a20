"""What keys are called in Redis, with a namespace and without."""

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


def test_keys_without_a_namespace_stay_what_they_are() -> None:
    """What was deployed before there were namespaces finds everything where it was."""
    assert {name: built(Keys(), name) for name in OF_OLD} == OF_OLD


@pytest.mark.parametrize("namespace", ["prod", "{prod}", "team-a.{eu_1}.x"])
def test_a_namespace_stands_before_every_key(namespace: str) -> None:
    """No key of a namespace is one of another, and all of them are told by their beginning."""
    bare, keys = Keys(), Keys(namespace)
    names = vars(bare).keys() - {"namespace", "prefix", "put_aside"}
    assert {built(keys, name) for name in names} == {
        f"{namespace}:{built(bare, name)}" for name in names
    }
    # What was put aside stays beside what it was in the place of.
    assert keys.put_aside(keys.dead) == f"{namespace}:rerankq:dead:put-aside"
    assert keys.job.name_of(keys.job("a")) == "a"


@pytest.mark.parametrize(
    "namespace",
    ["a:b", "a b", "a*", "{a", "a}", "{}", "{a}{b}", "a%s", "ü", "a\n", "'", 65 * "a"],
)
def test_what_can_be_no_namespace_is_refused(namespace: str) -> None:
    """One that would be a pattern, or lead out of its place, is refused with what one may be."""
    said = "^RERANKQ_NAMESPACE: must be at most 64 letters, digits and _ . -, of which one part may"
    with pytest.raises(SettingsError, match=said):
        ClientSettings.load(namespace=namespace)


@pytest.mark.parametrize("namespace", ["rerankq", "rerankq.prod", "celery-task-meta-x"])
def test_a_namespace_is_no_key_of_those_without(namespace: str) -> None:
    """One that begins as keys without a namespace do would be mixed up with them."""
    with pytest.raises(SettingsError, match="must not begin with rerankq or"):
        ClientSettings.load(namespace=namespace)
