"""Who may use the service over HTTP, and how much: tokens, tenants and their quotas."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from rerankq.contract.batch import TenantName
from rerankq.contract.budget import BudgetText, BudgetUse
from rerankq.contract.message import Message

_Limit = Annotated[int, Field(ge=1, le=10**12)]


class Scope(StrEnum):
    """What a token allows. None includes another."""

    SUBMIT = "submit"
    READ = "read"
    OPERATE = "operate"


class OnFailure(StrEnum):
    """What a call gets when no ranking comes in time: an error, or the documents in their order."""

    ERROR = "error"
    ORIGINAL_ORDER = "original_order"


class Principal(Message):
    """Who makes a request.

    Attributes:
        token_id: the token's id; empty where no token is needed.
        tenant: whose jobs it sees and makes; None for the operator, who sees all.
        scopes: what it allows.
        on_failure: what its calls get without a ranking; None for the gateway's setting.
    """

    token_id: str = ""
    tenant: TenantName | None = None
    scopes: frozenset[Scope] = frozenset(Scope)
    on_failure: OnFailure | None = None


class Token(Message):
    """A token without its secret, which nobody can read again. Times are Unix seconds.

    Attributes:
        id: names it in lists and logs; it opens nothing.
        tenant: whose it is; None for the operator's, which sees all.
        name: the operator's own words for it.
        expires_at: when it stops working; None for never.
    """

    id: str
    tenant: TenantName | None = None
    scopes: frozenset[Scope]
    name: Annotated[str, StringConstraints(max_length=100)] = ""
    on_failure: OnFailure | None = None
    created_at: float
    expires_at: float | None = None


class NewToken(Token):
    """A token as it is made: the only time that its secret is given out."""

    secret: str = Field(repr=False)


class Tenant(Message):
    """One of several users of the service, and its quotas: None where there is no limit.

    Attributes:
        weight: its share of a lane, in proportion to the weights of the others that have jobs.
        requests: interactive jobs a minute.
        tokens: estimated tokens of interactive jobs a minute.
        in_flight: jobs that run at the same time.
        queued: jobs that have not ended.
        jobs_a_day: jobs accepted from midnight to midnight UTC.
        budget: what its jobs may cost together: tokens, such as 5000000, or 12.50 USD.
        disabled: whether it may submit nothing; what was accepted goes on, and can be read.
        created_at: Unix seconds.
    """

    name: TenantName
    weight: Annotated[float, Field(ge=0.01, le=1000)] = 1.0
    requests: _Limit | None = None
    tokens: _Limit | None = None
    in_flight: _Limit | None = None
    queued: _Limit | None = None
    jobs_a_day: _Limit | None = None
    budget: BudgetText | None = None
    disabled: bool = False
    created_at: float = 0.0


class TenantUse(Message):
    """What a tenant uses at the moment.

    Attributes:
        queued: jobs that have not ended; those that run are among them.
        running: jobs that run.
        jobs_today: jobs accepted since midnight UTC.
        requests_left: interactive jobs that it may submit now; None without that limit.
        requests_reset: seconds until all of them are there again.
        tokens_left: the same for their tokens.
        tokens_reset: the same.
        budget: how its budget stands; None without one.
        read_at: when this was so, in Unix seconds by Redis' clock.
    """

    queued: int = 0
    running: int = 0
    jobs_today: int = 0
    requests_left: int | None = None
    requests_reset: float = 0.0
    tokens_left: int | None = None
    tokens_reset: float = 0.0
    budget: BudgetUse | None = None
    read_at: float = 0.0
