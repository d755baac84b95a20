"""A scenario: a script of what the upstream does at which second, from a file or by HTTP.

```toml
name = "a rush and an outage"
seconds = 120          # then all is as before; with `repeat = true` it starts again instead

[[accounts]]
name = "team"
keys = ["sk-one", "sk-two"]

[[phases]]
at = 0
limits.default = { rpm = 600, answer = "request_limit", retry_after = "seconds" }
latency = { kind = "lognormal", median_ms = 80, p99_ms = 400 }

[[phases]]
at = 60
limits.default = { rpm = 300 }
rules = [{ match = { nth = 100 }, action = { kind = "cut" } }]

[[phases]]
at = 90
outage = { kind = "error", name = "timeout_cloudflare" }

[[phases]]
at = 100               # the outage is over: it belongs to its phase alone
```

Limits and rules name an account of `accounts`; `anonymous` for calls without a key; `others`,
shared by keys after the first 1,000; or a single key by its fingerprint, which the log shows.
`limits.default` applies to all accounts that are not named.
"""

import re
import tomllib
from collections.abc import Collection
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Final, Self

import orjson
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator

from rerankq.errors import SettingsError
from rerankq_sandbox.actions import OutageAction, RefuseAction
from rerankq_sandbox.complaint import complaint, suggestion
from rerankq_sandbox.errors import GatewayError
from rerankq_sandbox.latency import Distribution
from rerankq_sandbox.metering.accounts import (
    ANONYMOUS,
    OTHERS,
    AccountName,
    is_fingerprint,
)
from rerankq_sandbox.metering.limits import DEFAULT, Limits
from rerankq_sandbox.rules import MAX_RULES, Rule

_MAX_FILE_BYTES: Final = 32 * 2**20
_MAX_PHASES: Final = 10_000
_MAX_ACCOUNTS: Final = 500
Seconds = Annotated[float, Field(ge=0, le=10**7, allow_inf_nan=False)]


class AccountKeys(BaseModel):
    """Keys that share an account; a key that is not named has an account of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    name: AccountName
    keys: Annotated[tuple[Annotated[SecretStr, Field(min_length=1)], ...], Field(min_length=1)]


class Phase(BaseModel):
    """What changes at a certain time. What a phase does not set stays as it was, except the outage.

    Attributes:
        at: Seconds from the start of the scenario.
        limits: Replaces all limits.
        rules: Replaces the scenario's rules.
        latency: How long answers take from now on.
        outage: What every call gets until the next phase, whatever it asks for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    at: Seconds
    limits: Limits | None = None
    rules: Annotated[tuple[Rule, ...], Field(max_length=MAX_RULES)] | None = None
    latency: Distribution | None = None
    outage: OutageAction | None = None


class Scenario(BaseModel):
    """Phases in the order of their time.

    Attributes:
        name: Shown while it runs.
        seconds: When it ends; null leaves the last phase in force.
        repeat: Whether it starts again at its end.
        accounts: Which keys share an account.
        phases: At least one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, hide_input_in_errors=True)

    name: Annotated[str, Field(max_length=200)] = ""
    seconds: Annotated[float, Field(gt=0, le=10**7, allow_inf_nan=False)] | None = None
    repeat: bool = False
    accounts: Annotated[tuple[AccountKeys, ...], Field(max_length=_MAX_ACCOUNTS)] = ()
    phases: Annotated[tuple[Phase, ...], Field(min_length=1, max_length=_MAX_PHASES)]

    @model_validator(mode="after")
    def _time_goes_on(self) -> Self:
        for number, (one, next_one) in enumerate(pairwise(self.phases), start=2):
            if next_one.at <= one.at:
                raise ValueError(f"phase {number}: at: must be later than the phase before")
        if self.seconds is not None and self.seconds <= self.phases[-1].at:
            raise ValueError("seconds: must be later than the last phase")
        if self.repeat and self.seconds is None:
            raise ValueError("repeat: needs seconds, the length of one turn")
        return self

    @model_validator(mode="after")
    def _refusing_ends(self) -> Self:
        # While the port is closed, nobody can end the outage by a request.
        if self.seconds is None and isinstance(self.phases[-1].outage, RefuseAction):
            raise ValueError(
                f"phase {len(self.phases)}: outage: refuse needs an end: another phase, or seconds"
            )
        return self

    @model_validator(mode="after")
    def _accounts_are_known(self) -> Self:
        named = {each.name for each in self.accounts} | {ANONYMOUS, OTHERS}
        for number, phase in enumerate(self.phases, start=1):
            for name in phase.limits or ():
                _require(name, named | {DEFAULT}, f"phase {number}: limits.{name}")
            for place, rule in enumerate(phase.rules or ()):
                if rule.match.account is not None:
                    where = f"phase {number}: rules.{place}.match.account"
                    _require(rule.match.account, named, where)
        return self

    @model_validator(mode="after")
    def _one_account_a_key(self) -> Self:
        keys = [key.get_secret_value() for account in self.accounts for key in account.keys]
        if len(set(keys)) < len(keys):
            raise ValueError("accounts: a key belongs to one account")
        return self


def _require(name: str, named: Collection[str], place: str) -> None:
    """Refuse a name that no account can have: its limits and rules would never apply."""
    if name not in named and not is_fingerprint(name):
        raise ValueError(f"{place}: no such account: {suggestion(name, sorted(named))}")


def read_scenario(body: bytes) -> Scenario:
    """Decode a scenario from JSON.

    Raises:
        GatewayError: 400, naming the place and the reason, never the content.
    """
    try:
        return Scenario.model_validate_json(body)
    except ValidationError as error:
        raise GatewayError(400, f"scenario: {_complaint(error)}", "invalid_request") from None


def load_scenario(path: Path) -> Scenario:
    """Read a scenario from a file: TOML, or JSON if its name ends in `.json`.

    Raises:
        SettingsError: Names the file, the phase and the field that is wrong.
    """
    try:
        return Scenario.model_validate_json(_as_json(path))
    except OSError as error:
        raise SettingsError(f"scenario {path}: {error.strerror}") from None
    except ValidationError as error:
        raise SettingsError(f"scenario {path}: {_complaint(error)}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"scenario {path}: is not UTF-8") from None
    except orjson.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise SettingsError(f"scenario {path}: is not JSON: {where}: {error.msg}") from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"scenario {path}: is not TOML: {error}") from None
    except (RecursionError, ValueError, orjson.JSONEncodeError):
        # tomllib and orjson raise these for hundreds of nested brackets or very long numbers.
        raise SettingsError(
            f"scenario {path}: is nested too deeply, or has a number that is too large"
        ) from None


def _as_json(path: Path) -> bytes:
    """The file's content as JSON, so that the rules are the same as for scenarios by HTTP."""
    with path.open("rb") as file:
        raw = file.read(_MAX_FILE_BYTES + 1)
    if len(raw) > _MAX_FILE_BYTES:
        raise SettingsError(f"scenario {path}: is over {_MAX_FILE_BYTES:,} bytes")
    if path.suffix != ".json":
        return orjson.dumps(tomllib.loads(raw.decode()))
    orjson.loads(raw)  # its error names the line; pydantic's does not
    return raw


def _complaint(error: ValidationError) -> str:
    # People count from one.
    return re.sub(
        r"^phases\.(\d+)\.?", lambda found: f"phase {int(found[1]) + 1}: ", complaint(error)
    )
