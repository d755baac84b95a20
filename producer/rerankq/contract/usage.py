"""What calls have used: tokens, cost, and what reuse has saved; summed as it was asked for."""

from enum import StrEnum

from pydantic import Field, StrictFloat, StrictInt

from rerankq.contract.message import Message


class UsageBy(StrEnum):
    """What the rows of a report stand for. A batch is counted as a whole, not by day."""

    DAY = "day"
    TENANT = "tenant"
    MODEL = "model"
    SITE = "site"
    KEY = "key"
    BATCH = "batch"


class UsageCounts(Message):
    """Counts of calls.

    The tokens of a call are in one of three figures: what the upstream reported; else what the
    model's tokenizer counted; else an estimate.
    """

    jobs: StrictInt = Field(default=0, description="Jobs that got their ranking.")
    calls: StrictInt = Field(
        default=0, description="Requests that reached the upstream, as far as can be known."
    )
    retries: StrictInt = Field(default=0, description="Those of them that brought no ranking.")
    uncertain_calls: StrictInt = Field(
        default=0,
        description="Calls that may have been made besides, by workers that died or broke them "
        "off: the truth is between `calls` and the sum of both.",
    )
    pairs: StrictInt = Field(
        default=0, description="Pairs of a query and a document that were ranked by a call."
    )
    tokens: StrictInt = Field(default=0, description="The sum of the next three.")
    reported_tokens: StrictInt = Field(default=0, description="As the upstream told them.")
    counted_tokens: StrictInt = Field(
        default=0, description="Counted with the model's tokenizer, where the upstream told none."
    )
    estimated_tokens: StrictInt = Field(default=0, description="Estimated, for all other calls.")
    uncertain_tokens: StrictInt = Field(
        default=0,
        description="An estimate for calls without a ranking that may have been charged all the "
        "same, such as after a time-out. Where the tokens of a call are not known, it has none.",
    )
    reused_pairs: StrictInt = Field(
        default=0, description="Pairs that were not sent, because their scores were known."
    )
    reused_tokens: StrictInt = Field(
        default=0, description="An estimate of the tokens that this has saved."
    )
    costs: dict[str, StrictFloat] = Field(
        default_factory=dict,
        description="What it costs by the prices of models, by currency, such as CNY.",
    )
    costs_at_most: dict[str, StrictFloat] = Field(
        default_factory=dict, description="The same if all that is uncertain was charged."
    )
    unpriced_tokens: StrictInt = Field(
        default=0, description="Tokens of models without a known price: `costs` lacks them."
    )


class UsageRow(UsageCounts):
    """A row of a report. Of the first fields it has those that were asked for.

    `tenant` is empty for jobs without one. `*` stands for tenants, sites, keys and models that came
    when a day had very many rows already. Of uncertain calls, site and key are not known: empty.
    """

    day: str | None = Field(default=None, description="UTC, such as 2026-12-01.")
    tenant: str | None = None
    model: str | None = None
    site: str | None = None
    key: str | None = Field(
        default=None, description="Fingerprint of the key, as `rerankq upstream` shows it."
    )
    batch: str | None = None


class UsageReport(Message):
    """What calls have used from one day to another, both included, by Redis' clock in UTC."""

    since: str
    until: str
    by: tuple[UsageBy, ...]
    rows: tuple[UsageRow, ...]
    total: UsageCounts
