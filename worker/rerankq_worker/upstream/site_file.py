"""The file that names several sites, accounts and keys: `RERANKQ_UPSTREAM_FILE`, in TOML.

    [[sites]]
    name = "dmxapi"
    url = "https://www.dmxapi.cn/v1/rerank"
    scores = "probability"          # or of single models: { "bge-reranker-v2-m3" = "logit" }

    [[sites.accounts]]
    name = "main"
    keys = ["DMXAPI_API_KEY"]       # names of environment variables: no key stands in the file
    rpm = 600

Sites, accounts and keys are used in the order of the file: the next one if those before it are out
of use or have no permit left.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    StrictInt,
    ValidationError,
    model_validator,
)

from rerankq.accounts.accounts import Limits
from rerankq.cost.counters import counter
from rerankq.errors import MissingExtra, SettingsError
from rerankq.invalid_input import in_words
from rerankq_worker.upstream.call_limits import LEAST_CALL_BYTES, CallLimits
from rerankq_worker.upstream.cheap_hours import UTC_NAME, CheapHours, HoursText, ZoneName
from rerankq_worker.upstream.context import DeclaredContext
from rerankq_worker.upstream.dialects import DIALECTS
from rerankq_worker.upstream.keys import is_own_server, key_fault
from rerankq_worker.upstream.of_models import OfModels, Value
from rerankq_worker.upstream.score_scale import Scales, ScoreScale
from rerankq_worker.upstream.sites import Account, Key, Site

MOST_BYTES: Final = 1024 * 1024
_NAME: Final = r"^[A-Za-z0-9_.:-]{1,100}$"
Name = Annotated[str, Field(pattern=_NAME)]
Count = Annotated[int, Field(ge=1, le=10**12)]
"""Requests, tokens or calls. The bound keeps them exact in Lua (doubles) and in JSON (64 bits)."""


def _prefix(text: str) -> str:
    if not text.isascii() or not text.isprintable():
        raise ValueError("it has a character that no HTTP header may carry")
    # A word for "nothing", because an empty variable counts as unset.
    return "" if text == "none" else text


AuthPrefix = Annotated[str, AfterValidator(_prefix)]
"""What precedes the key in the header, literally; `none` for nothing."""

ContextTokens = Annotated[int, Field(ge=256, le=10**8)]


def _counter(name: str) -> str:
    try:
        counter(name)
    except (SettingsError, MissingExtra) as error:
        raise ValueError(str(error)) from None
    return name


CounterName = Annotated[str, AfterValidator(_counter)]
"""The name of a token counter that is there."""


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class AccountEntry(_Strict):
    """`[[sites.accounts]]`: keys that share limits."""

    name: Name
    keys: Annotated[tuple[str, ...], Field(min_length=1)]
    rpm: Count | None = None
    tpm: Count | None = None
    concurrency: Count | None = None

    @model_validator(mode="after")
    def _limits_agree(self) -> Self:
        check_limits(self.limits())
        return self

    def limits(self) -> Limits:
        """The limits that are set."""
        return Limits(self.rpm, self.tpm, self.concurrency)


class CheapHoursEntry(_Strict):
    """`cheap_hours` of a site."""

    hours: HoursText
    time_zone: ZoneName = UTC_NAME

    def parsed(self) -> CheapHours:
        """The hours."""
        return CheapHours.parse(self.hours, self.time_zone)


class SiteEntry(_Strict):
    """`[[sites]]`: an endpoint."""

    name: Name
    url: HttpUrl
    dialect: str = "dmxapi"
    options: Mapping[str, StrictInt] = {}
    auth_prefix: AuthPrefix | None = None
    models: Mapping[str, Annotated[str, Field(min_length=1)]] = {}
    scores: ScoreScale | Mapping[str, ScoreScale] | None = None
    accounts: Annotated[tuple[AccountEntry, ...], Field(min_length=1)]
    shadow: Annotated[float, Field(gt=0, le=1)] | None = None
    context_tokens: ContextTokens | Mapping[str, ContextTokens] | None = None
    token_counter: CounterName | Mapping[str, CounterName] | None = None
    scores_as: Name | None = None
    listwise: tuple[str, ...] = ()
    call_documents: Count | None = None
    call_tokens: Count | None = None
    call_bytes: Annotated[int, Field(ge=LEAST_CALL_BYTES, le=10**12)] | None = None
    cheap_hours: CheapHoursEntry | None = None

    @model_validator(mode="after")
    def _of_its_models(self) -> Self:
        for name in ("scores", "context_tokens", "token_counter"):
            declared = getattr(self, name)
            named = declared if self.models and isinstance(declared, Mapping) else {}
            if unknown := next((each for each in named if each not in self.models), None):
                raise ValueError(f"{name} names {unknown}, which is none of its models")
        return self

    def scales(self) -> Scales:
        """What its scores are."""
        return self._of_models(self.scores)

    def context(self) -> DeclaredContext:
        """How many tokens its models read."""
        return DeclaredContext(
            self._of_models(self.context_tokens), self._of_models(self.token_counter)
        )

    def _of_models(self, declared: Value | Mapping[str, Value] | None) -> OfModels[Value]:
        """What it declares of its models, by its own names for them."""
        if not isinstance(declared, Mapping):
            return OfModels(declared)
        return OfModels(
            models={self.models.get(name, name): value for name, value in declared.items()}
        )


class SiteFile(_Strict):
    """The whole file."""

    sites: Annotated[tuple[SiteEntry, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        names = [each.name for each in self.sites]
        accounts = [f"{site.name}/{each.name}" for site in self.sites for each in site.accounts]
        for name in (*names, *accounts):
            if (*names, *accounts).count(name) > 1:
                raise ValueError(f"the name {name} is given twice")
        return self

    @model_validator(mode="after")
    def _some_serve_jobs(self) -> Self:
        if all(each.shadow for each in self.sites):
            raise ValueError("no site would serve jobs: leave `shadow` out at one of them")
        return self


def check_limits(limits: Limits, *, rpm: str = "rpm", tpm: str = "tpm") -> None:
    """Refuse limits that contradict each other.

    Args:
        limits: the limits of one account.
        rpm: the name of the setting for requests a minute.
        tpm: the name of the setting for tokens a minute.

    Raises:
        ValueError: they contradict each other; names both settings.
    """
    if limits.rpm and limits.tpm and limits.tpm < limits.rpm:
        raise ValueError(
            f"{tpm} and {rpm} contradict each other: {limits.tpm} tokens a minute are too few for "
            f"{limits.rpm} requests, each of which costs at least one"
        )


def read_sites(path: Path, environment: Mapping[str, str]) -> tuple[Site, ...]:
    """The sites in a file.

    Args:
        path: the file.
        environment: holds the keys, in the variables that the file names.

    Raises:
        SettingsError: the file cannot be read, or something in it is wrong; names the place.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)  # not by its size: a pipe or a device has none
        if len(content) > MOST_BYTES:
            raise SettingsError(f"RERANKQ_UPSTREAM_FILE: {path} is over {MOST_BYTES:,} bytes")
        entries = SiteFile.model_validate(tomllib.loads(content.decode()))
    except OSError as error:
        raise SettingsError(
            f"RERANKQ_UPSTREAM_FILE: {path} cannot be read: {error.strerror}"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"RERANKQ_UPSTREAM_FILE: {path} is no TOML: {error}") from None
    except ValidationError as error:
        raise SettingsError(f"RERANKQ_UPSTREAM_FILE: {path}: {_faults(error)}") from None
    except (RecursionError, ValueError):
        # tomllib raises these for hundreds of nested brackets or thousands of digits.
        raise SettingsError(
            f"RERANKQ_UPSTREAM_FILE: {path} is nested too deeply, or has a number that is too large"
        ) from None
    return tuple(_site(entry, environment) for entry in entries.sites)


def _site(entry: SiteEntry, environment: Mapping[str, str]) -> Site:
    dialect = DIALECTS.get(entry.dialect)
    if dialect is None:
        raise SettingsError(
            f"RERANKQ_UPSTREAM_FILE: site {entry.name}: there is no dialect {entry.dialect}: "
            f"known are {', '.join(DIALECTS)}"
        )
    if fault := dialect.options_fault(entry.options):
        raise SettingsError(f"RERANKQ_UPSTREAM_FILE: site {entry.name}: options: {fault}")
    prefix = dialect.auth_prefix if entry.auth_prefix is None else entry.auth_prefix
    accounts = tuple(_account(entry, each, prefix, environment) for each in entry.accounts)
    keys = [key for account in accounts for key in account.keys]
    if len(set(keys)) < len(keys):
        raise SettingsError(f"RERANKQ_UPSTREAM_FILE: site {entry.name}: a key is given twice")
    return Site(
        entry.name,
        str(entry.url),
        entry.dialect,
        accounts,
        entry.models,
        entry.options,
        entry.scales(),
        entry.shadow or 0.0,
        entry.context(),
        scores_as=entry.scores_as,
        listwise=frozenset(entry.models.get(each, each) for each in entry.listwise),
        call_limits=CallLimits(entry.call_documents, entry.call_tokens, entry.call_bytes),
        cheap_hours=entry.cheap_hours.parsed() if entry.cheap_hours else None,
    )


def _account(
    site: SiteEntry, entry: AccountEntry, prefix: str, environment: Mapping[str, str]
) -> Account:
    name, own_server = f"{site.name}/{entry.name}", is_own_server(str(site.url), site.dialect)
    keys = tuple(
        Key(prefix + _secret(each, environment, f"{name}: key {nth}", own_server=own_server))
        for nth, each in enumerate(entry.keys, 1)
    )
    return Account(name, keys, entry.limits())


def _secret(name: str, environment: Mapping[str, str], place: str, *, own_server: bool) -> str:
    secret = environment.get(name, "").strip()
    if not secret:
        # The message does not show the name: a user may have written the key itself there.
        raise SettingsError(
            f"RERANKQ_UPSTREAM_FILE: {place} names no environment variable that is set: "
            "`keys` has names of variables, never the keys themselves"
        )
    if fault := key_fault(secret, own_server=own_server):
        raise SettingsError(f"{name}: {fault}")
    return secret


def _faults(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(
        f"{'.'.join(map(str, each['loc'])) or 'the file'}: {_said(each['type'], each['msg'])}"
        for each in faults
    )


def _said(kind: str, message: str) -> str:
    if kind == "string_pattern_mismatch":
        return in_words(_NAME)
    return message.removeprefix("Value error, ")
