"""Whose keys Redis holds: ours, those of other rerankq environments, and foreign ones."""

from collections import Counter
from typing import Any, Final

from rerankq.counting import counted
from rerankq.doctor.check import SetUp
from rerankq.doctor.finding import CannotCheckError, Finding, note, ok, warning
from rerankq.errors import LedgerUnavailable
from rerankq.store.keys import Keys
from rerankq.store.store import Store

SAMPLE: Final = 5_000
PORTION: Final = 500
_OURS: Final = ("rerankq:", "rerankq.", "celery-task-meta-")
_CELERY: Final = ("_kombu.binding.", "unacked")
_ADVICE: Final = "nothing has to be done: they share no key (docs/redis.md)"


async def look(set_up: SetUp) -> list[Finding]:
    """Sort a bounded sample of the names of keys."""
    store = await set_up.redis.store()
    try:
        names = await _sample(store)
    except LedgerUnavailable:
        raise CannotCheckError(
            "this user may not look at the names of keys (SCAN), so neighbours are not known"
        ) from None
    kinds = Counter(_kind(each, store.keys) for each in names)
    aside = [each for each in names if each.endswith(":put-aside")]
    all_of_them = "" if len(names) < SAMPLE else f" of the {len(names):,} that were looked at"
    others = kinds["foreign"] + kinds["celery"] + kinds["rerankq"]
    told = [
        ok(
            "redis_keys",
            f"{counted(kinds['ours'], 'key')} of this environment, "
            f"{counted(others, 'other')}{all_of_them}",
        )
    ]
    return [*told, *_neighbours(kinds, store.keys), *_put_aside(aside)]


async def _sample(store: Store) -> list[str]:
    found: dict[str, None] = {}
    cursor: Any = 0
    while len(found) < SAMPLE:
        cursor, names = await store.command("SCAN", cursor, "COUNT", PORTION)
        found |= dict.fromkeys(each.decode(errors="replace") for each in names)
        if int(cursor) == 0:
            break
    return list(found)


def _kind(name: str, keys: Keys) -> str:
    own = name.removeprefix(keys.prefix)
    if (own != name or not keys.prefix) and own.startswith(_OURS):
        return "ours"
    if ":rerankq:" in name or (keys.prefix and name.startswith(_OURS[:2])):
        return "rerankq"
    return "celery" if name.startswith(_CELERY) else "foreign"


def _neighbours(kinds: Counter[str], keys: Keys) -> list[Finding]:
    found = []
    if kinds["rerankq"]:
        own = f"namespace {keys.namespace}" if keys.namespace else "no namespace"
        what = f"another rerankq environment uses this database; this one has {own}"
        found.append(note("redis_other_environment", what, _ADVICE))
    if kinds["celery"]:
        what = "another Celery application uses this database"
        found.append(note("redis_other_celery", what, _ADVICE))
    if kinds["foreign"]:
        what = f"{counted(kinds['foreign'], 'key')} of other programs are in this database"
        advice = "a database of its own keeps them apart: a FLUSHDB there would delete all jobs"
        found.append(note("redis_shared", what, advice))
    return found


def _put_aside(names: list[str]) -> list[Finding]:
    if not names:
        return []
    shown = ", ".join(sorted(names)[:3])
    return [
        warning(
            "keys_put_aside",
            f"{counted(len(names), 'key')} had another type, and were renamed: {shown}",
            "find out who writes to keys of rerankq, then delete them",
        )
    ]
