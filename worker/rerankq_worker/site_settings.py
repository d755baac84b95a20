"""Settings of a worker about where jobs are sent: the upstream, its dialect, keys and limits."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import (
    BeforeValidator,
    Field,
    HttpUrl,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode

from rerankq.accounts.accounts import Limits
from rerankq.errors import SettingsError
from rerankq.monitoring.settings import ProcessSettings
from rerankq.settings import MOST_KEPT_SECONDS
from rerankq_worker.upstream.call_limits import LEAST_CALL_BYTES, CallLimits
from rerankq_worker.upstream.cheap_hours import UTC_NAME, CheapHours, HoursText, ZoneName
from rerankq_worker.upstream.context import DeclaredContext
from rerankq_worker.upstream.dialects import DIALECTS
from rerankq_worker.upstream.keys import is_own_server, key_fault
from rerankq_worker.upstream.of_models import OfModels
from rerankq_worker.upstream.score_scale import Scales, ScoreScale
from rerankq_worker.upstream.site_file import (
    AuthPrefix,
    ContextTokens,
    Count,
    CounterName,
    check_limits,
    read_sites,
)
from rerankq_worker.upstream.sites import Account, Key, Site

DEFAULT_UPSTREAM_URL: Final = "https://www.dmxapi.cn/v1/rerank"
_NUMBER: Final = re.compile(r"-?\d{1,12}", re.ASCII)


def _separated(some: object) -> object:
    if isinstance(some, str):
        return tuple(each.strip() for each in some.split(",") if each.strip())
    return some


SEPARATED: Final = BeforeValidator(_separated)
"""Several values in one variable, separated by commas."""


class SiteSettings(ProcessSettings):
    """Where jobs are sent."""

    upstream_url: HttpUrl = Field(
        default=HttpUrl(DEFAULT_UPSTREAM_URL), description="Where rerank requests are posted."
    )
    dialect: str = Field(
        default="dmxapi", description="The vendor's format of requests and answers."
    )
    dialect_options: Annotated[Mapping[str, int], NoDecode] = Field(
        default={},
        description="Options of the dialect, as name=value, separated by commas.",
    )
    scores: ScoreScale | None = Field(
        default=None,
        description="What the site's scores are, probability or logit; unset: results have them "
        "as the site gives them.",
    )
    context_tokens: ContextTokens | None = Field(
        default=None,
        description="Tokens that the model reads of query and document together; unset: as known.",
    )
    token_counter: CounterName | None = Field(
        default=None,
        description="How its tokens are counted: qwen3, estimate, or characters a token.",
    )
    cheap_hours: HoursText | None = Field(
        default=None, description="Hours in which the site costs less: bulk jobs wait for them."
    )
    cheap_hours_zone: ZoneName = Field(
        default=UTC_NAME, description="Their time zone, such as Asia/Shanghai."
    )
    cheap_hours_margin: Annotated[float, Field(ge=0, le=MOST_KEPT_SECONDS)] = Field(
        default=3600.0,
        description="A job waits for cheap hours only if so many seconds then are left for it.",
    )
    upstream_file: Path | None = Field(
        default=None, description="TOML file of several sites, accounts and keys, for failover."
    )
    # Below the settings that their validator reads.
    api_keys: Annotated[tuple[SecretStr, ...], NoDecode, SEPARATED] = Field(
        default=(), description="The account's keys; several, for when one is refused."
    )
    vendor_keys: Annotated[tuple[SecretStr, ...], NoDecode, SEPARATED] = Field(
        default=(),
        validation_alias="DMXAPI_API_KEY",
        description="The same by the vendor's name for it, unless RERANKQ_API_KEYS is set.",
    )
    auth_prefix: AuthPrefix | None = Field(
        default=None,
        description='Put before the key, such as "Bearer ", or none; unset: as the dialect has it.',
    )
    rpm: Count | None = Field(
        default=None, description="Requests a minute that the account allows, of all workers."
    )
    tpm: Count | None = Field(
        default=None, description="Tokens a minute that the account allows, of all workers."
    )
    concurrency: Count | None = Field(
        default=None, description="Calls in flight that the account allows, of all workers."
    )
    call_documents: Count | None = Field(
        default=None, description="Most documents of a call; larger jobs are divided into calls."
    )
    call_tokens: Count | None = Field(
        default=None, description="The same for tokens, where the query counts once a document."
    )
    call_bytes: Annotated[int, Field(ge=LEAST_CALL_BYTES, le=10**12)] | None = Field(
        default=None, description="The same for the bytes of a call's JSON."
    )
    listwise_models: Annotated[tuple[str, ...], NoDecode, SEPARATED] = Field(
        default=(),
        description="Models that compare the documents of a call, so that no job is divided.",
    )

    @field_validator("api_keys", "vendor_keys")
    @classmethod
    def _look_right(
        cls, keys: tuple[SecretStr, ...], info: ValidationInfo
    ) -> tuple[SecretStr, ...]:
        known = info.data
        if known.get("upstream_file") or known.get("api_keys"):
            # Not used; if the file names the variable, it is checked with the file.
            return keys
        own_server = is_own_server(str(known.get("upstream_url")), str(known.get("dialect")))
        for key in keys:
            if fault := key_fault(key.get_secret_value(), own_server=own_server):
                raise ValueError(fault)
        if len({key.get_secret_value() for key in keys}) < len(keys):
            raise ValueError("a key is given twice")
        return keys

    @field_validator("dialect")
    @classmethod
    def _is_known(cls, dialect: str) -> str:
        if dialect not in DIALECTS:
            raise ValueError(f"there is none of that name: known are {', '.join(DIALECTS)}")
        return dialect

    @field_validator("dialect_options", mode="before")
    @classmethod
    def _named(cls, options: object) -> object:
        if not isinstance(options, str):
            return options
        pairs = [each.partition("=") for each in options.split(",") if each.strip()]
        if not all(_NUMBER.fullmatch(value.strip()) for _, _, value in pairs):
            raise ValueError("write it as name=number, several separated by commas")
        return {name.strip(): int(value) for name, _, value in pairs}

    @field_validator("dialect_options")
    @classmethod
    def _are_of_the_dialect(
        cls, options: Mapping[str, int], info: ValidationInfo
    ) -> Mapping[str, int]:
        dialect = info.data.get("dialect")  # not there when it is wrong itself
        if dialect and (fault := DIALECTS[dialect].options_fault(options)):
            raise ValueError(fault)
        return options

    @model_validator(mode="after")
    def _limits_agree(self) -> Self:
        check_limits(self._limits(), rpm="RERANKQ_RPM", tpm="RERANKQ_TPM")
        return self

    @model_validator(mode="after")
    def _one_way_to_name_sites(self) -> Self:
        doubled = sorted(self.model_fields_set & _OF_ONE_SITE)
        if self.upstream_file and doubled:
            names = ", ".join(f"RERANKQ_{each.upper()}" for each in doubled)
            raise ValueError(
                f"RERANKQ_UPSTREAM_FILE takes the place of {names}: set one or the other"
            )
        return self

    def sites(self, environment: Mapping[str, str]) -> tuple[Site, ...]:
        """Where jobs may be sent.

        Args:
            environment: where the keys are that `upstream_file` names.

        Raises:
            SettingsError: no key is set, or the file is wrong.
        """
        if self.upstream_file:
            return read_sites(self.upstream_file, environment)
        keys = self.api_keys or self.vendor_keys
        if not keys:
            raise SettingsError(
                "no upstream key: set DMXAPI_API_KEY (or RERANKQ_API_KEYS), "
                "or point RERANKQ_UPSTREAM_URL at `rerankq sandbox` with any key"
            )
        prefix = (
            DIALECTS[self.dialect].auth_prefix if self.auth_prefix is None else self.auth_prefix
        )
        name = urlsplit(str(self.upstream_url)).netloc.rpartition("@")[2]
        # All keys are taken to share one account's limits: the safe assumption.
        account = Account(
            name, tuple(Key(prefix + each.get_secret_value()) for each in keys), self._limits()
        )
        site = Site(
            name,
            str(self.upstream_url),
            self.dialect,
            (account,),
            options=self.dialect_options,
            listwise=frozenset(self.listwise_models),
            call_limits=CallLimits(self.call_documents, self.call_tokens, self.call_bytes),
            scales=Scales(self.scores),
            context=DeclaredContext(OfModels(self.context_tokens), OfModels(self.token_counter)),
            cheap_hours=CheapHours.parse(self.cheap_hours, self.cheap_hours_zone)
            if self.cheap_hours
            else None,
        )
        return (site,)

    def _limits(self) -> Limits:
        return Limits(self.rpm, self.tpm, self.concurrency)


_OF_ONE_SITE: Final = frozenset(
    {
        *("upstream_url", "auth_prefix", "dialect", "dialect_options", "scores"),
        *("context_tokens", "token_counter", "cheap_hours", "cheap_hours_zone"),
        *("call_documents", "call_tokens", "call_bytes", "listwise_models"),
        *("rpm", "tpm", "concurrency"),
    }
)
"""The keys are not among them: the file may name DMXAPI_API_KEY as one of its variables."""
