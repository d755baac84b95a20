"""The audit trail: what operators did, who they were, and how it went."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import orjson

from rerankq.contract import AuditEntry
from rerankq.errors import InvalidRequest, LedgerUnavailable, RerankqError
from rerankq.events import Events, OperatorActed
from rerankq.history.scripts import NOTE_ACT
from rerankq.store.store import Store

MOST_ENTRIES: Final = 10_000
"""Of operators, and as many of all tenants."""
MOST_OF_A_PAGE: Final = 500
MOST_TEXT: Final = 200
"""Characters of each text in an entry."""
OK: Final = "ok"
BROKEN_OFF: Final = "broken_off"


class Actor(NamedTuple):
    """Who does something.

    Attributes:
        name: `token ID` or `anonymous` at the gateway, `USER@HOST` for a command.
        by: what they use.
        tenant: whose token it is; None for the operator's.
    """

    name: str
    by: Literal["command", "gateway"]
    tenant: str | None = None


@dataclass(slots=True)
class Act:
    """What is being done.

    Attributes:
        subject: the id or name that it is done to; it may be told once it is known.
    """

    subject: str


class AuditTrail:
    """What operators and tenants did.

    Args:
        store: the ledger's Redis.
        events: told of each act.
        tenant: whose acts are shown; None for all.
    """

    def __init__(self, store: Store, events: Events, tenant: str | None = None) -> None:
        self._tenant = tenant
        self._store = store
        self._keys = store.keys
        self._events = events

    def for_tenant(self, tenant: str | None) -> "AuditTrail":
        """The trail as a tenant sees it: what it did itself."""
        return AuditTrail(self._store, self._events, tenant)

    @asynccontextmanager
    async def act(
        self, actor: Actor, action: str, subject: str = "", **details: object
    ) -> AsyncGenerator[Act, None]:
        """Note what is done in the block, once it is done or has failed.

        The trail may have no room in Redis, or this user no right to write it: what was done is
        done all the same. The event tells of it in any case.

        Args:
            actor: who does it.
            action: what is done, such as `batch.pause`.
            subject: the id or name that it is done to.
            **details: more about it; None is left out. Never a secret.
        """
        outcome, done = BROKEN_OFF, Act(subject)
        try:
            yield done
            outcome = OK
        except RerankqError as error:
            outcome = error.code
            raise
        finally:
            told = {key: _short(value) for key, value in details.items() if value is not None}
            await self._note(actor, action, _short(done.subject), outcome, told)

    async def page(
        self, *, tenant: str | None = None, after: int | None = None, limit: int = 50
    ) -> tuple[AuditEntry, ...]:
        """Some entries, the newest first: of operators and of all tenants.

        Args:
            tenant: only those of this tenant.
            after: the number of the last one of the page before.
            limit: most entries, 1 to 500.

        Raises:
            InvalidRequest: `limit` is out of range.
            LedgerUnavailable: Redis did not answer.
        """
        if not 1 <= limit <= MOST_OF_A_PAGE:
            raise InvalidRequest("limit", f"must be a number from 1 to {MOST_OF_A_PAGE}")
        tenant = self._tenant or tenant
        before = "+inf" if after is None else f"({after}"
        most = limit if tenant is None else MOST_ENTRIES
        keys = [self._keys.audit_tenants] + ([self._keys.audit] if tenant is None else [])
        stored = await self._store.readings(
            *(("ZREVRANGEBYSCORE", key, before, "-inf", "LIMIT", 0, most) for key in keys)
        )
        read = [_entry(each) for lines in stored for each in lines or ()]
        found = [each for each in read if each and tenant in (None, each.tenant)]
        found.sort(key=lambda each: each.number, reverse=True)
        return tuple(found[:limit])

    async def _note(
        self, actor: Actor, action: str, subject: str, outcome: str, details: Mapping[str, str]
    ) -> None:
        entry: dict[str, Any] = {
            "actor": _short(actor.name),
            "by": actor.by,
            "tenant": actor.tenant,
            "action": action,
            "subject": subject,
            "outcome": outcome,
            "details": details,
        }
        is_tenants = actor.tenant is not None
        with suppress(LedgerUnavailable):
            await self._store.run(NOTE_ACT(orjson.dumps(entry), is_tenants, MOST_ENTRIES))
        if OperatorActed in self._events.wanted:
            self._events.tell(
                OperatorActed(
                    actor=entry["actor"],
                    by=actor.by,
                    tenant=actor.tenant,
                    action=action,
                    subject=subject,
                    outcome=outcome,
                )
            )


def _short(value: object) -> str:
    return str(value).encode(errors="replace").decode()[:MOST_TEXT]


def _entry(stored: bytes) -> AuditEntry | None:
    """An entry; None when it is damaged."""
    with suppress(InvalidRequest):
        return AuditEntry.parse(stored)
    return None
