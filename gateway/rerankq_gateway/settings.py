"""Settings of the gateway: `RERANKQ_GATEWAY_…`, beside those of every producer."""

import ipaddress
import re
from enum import StrEnum
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator, model_validator
from pydantic_settings import NoDecode

from rerankq.extras import install
from rerankq.monitoring.settings import ProcessSettings
from rerankq.settings import MOST_KEPT_SECONDS
from rerankq.variables import OTHER_NAMES, refuse_unknown

ENV_FILE: Final = ".env"
_PORT: Final = 8080
_METRICS_PORT: Final = 8081
_OF_A_SERVICE: Final = re.compile(r"(tcp|udp|sctp)://")
_TOKEN: Final = re.compile(r"rk_[A-Za-z0-9_-]{43,200}")
MIB: Final = 1024 * 1024
MOST_WAIT_SECONDS: Final = 300.0
"""Longest that one request may wait for a job: proxies in between give up at about that age."""


class OnDisconnect(StrEnum):
    """What becomes of the job of a caller that has left."""

    CANCEL = "cancel"
    KEEP = "keep"


class OnFailure(StrEnum):
    """What a rerank call answers when no ranking comes."""

    ERROR = "error"
    ORIGINAL_ORDER = "original_order"


def _named(name: str) -> str:
    return f"RERANKQ_GATEWAY_{name}"


class GatewaySettings(ProcessSettings):
    """The gateway's settings, in addition to a producer's."""

    host: str = Field(
        default="127.0.0.1",
        validation_alias=_named("HOST"),
        description="Address to listen on; off the loopback it needs tokens.",
    )
    port: Annotated[int, Field(ge=0, le=65_535)] = Field(
        default=_PORT, validation_alias=_named("PORT"), description="Port; 0 takes a free one."
    )
    workers: Annotated[int, Field(ge=1, le=256)] = Field(
        default=1, validation_alias=_named("WORKERS"), description="Processes that share the port."
    )
    root_path: str = Field(
        default="",
        validation_alias=_named("ROOT_PATH"),
        description="The path under which a proxy publishes the gateway, such as /rerank.",
    )
    tls_cert: Path | None = Field(
        default=None,
        validation_alias=_named("TLS_CERT"),
        description="File with the certificate and its chain, to serve HTTPS.",
    )
    tls_key: Path | None = Field(
        default=None, validation_alias=_named("TLS_KEY"), description="File with its private key."
    )
    tokens: Annotated[tuple[SecretStr, ...], NoDecode] = Field(
        default=(),
        validation_alias=_named("TOKENS"),
        description="Tokens of the operator, beside those that are made by `rerankq token`.",
    )
    proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        validation_alias=_named("PROXIES"),
        description="Addresses or networks of proxies whose X-Forwarded headers are believed.",
    )
    max_body: Annotated[int, Field(ge=1024, le=1024 * MIB)] = Field(
        default=16 * MIB,
        validation_alias=_named("MAX_BODY"),
        description="Most bytes of the body of one request, unpacked.",
    )
    max_upload: Annotated[int, Field(ge=1024, le=2**50)] = Field(
        default=1024 * MIB,
        validation_alias=_named("MAX_UPLOAD"),
        description="Most bytes of a file of jobs, unpacked.",
    )
    max_waiters: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=5_000,
        validation_alias=_named("MAX_WAITERS"),
        description="Most requests of a process that wait for a job at the same time.",
    )
    max_streams: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=1_000,
        validation_alias=_named("MAX_STREAMS"),
        description="Most readers of events, results and files of a process at the same time.",
    )
    idle_seconds: Annotated[float, Field(ge=1, le=3600)] = Field(
        default=60.0,
        validation_alias=_named("IDLE_SECONDS"),
        description="How long a caller may send nothing of a body, or take nothing of an answer.",
    )
    wait_seconds: Annotated[float, Field(gt=0, le=MOST_WAIT_SECONDS)] = Field(
        default=60.0,
        validation_alias=_named("WAIT_SECONDS"),
        description="How long a rerank call waits for its ranking, if it does not say itself.",
    )
    on_disconnect: OnDisconnect = Field(
        default=OnDisconnect.CANCEL,
        validation_alias=_named("ON_DISCONNECT"),
        description="What becomes of the job of a caller that has left: `cancel` or `keep`.",
    )
    on_failure: OnFailure = Field(
        default=OnFailure.ERROR,
        validation_alias=_named("ON_FAILURE"),
        description="What a rerank call answers without a ranking: `error` or `original_order`.",
    )
    keep_seconds: Annotated[float, Field(ge=1, le=MOST_KEPT_SECONDS)] = Field(
        default=60.0,
        validation_alias=_named("KEEP_SECONDS"),
        description="How long the result of an answered rerank call is kept.",
    )
    drain_seconds: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=20.0,
        validation_alias=_named("DRAIN_SECONDS"),
        description="How long SIGTERM lets requests wait for their jobs, and uploads go on.",
    )
    files_dir: Path = Field(
        default=Path("~/.local/share/rerankq/files"),
        validation_alias=_named("FILES_DIR"),
        description="Folder of uploaded files; gateways beside each other need the same one.",
    )
    files_bytes: Annotated[int, Field(ge=1024, le=2**60)] = Field(
        default=20 * 1024 * MIB,
        validation_alias=_named("FILES_BYTES"),
        description="Most bytes of all uploaded files together.",
    )
    files_ttl: Annotated[float, Field(ge=60, le=3650 * 86_400)] = Field(
        default=30 * 86_400.0,
        validation_alias=_named("FILES_TTL"),
        description="Seconds after which an uploaded file is deleted, if it does not say so.",
    )
    webhook_http: bool = Field(
        default=False,
        validation_alias=_named("WEBHOOK_HTTP"),
        description="Whether webhooks may be called by http, for trials.",
    )
    webhook_networks: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        validation_alias=_named("WEBHOOK_NETWORKS"),
        description="Private addresses or networks that webhooks may lead to.",
    )
    metrics: bool = Field(default=False, description="Whether /metrics answers, for Prometheus.")
    metrics_host: str = Field(
        default="127.0.0.1",
        validation_alias=_named("METRICS_HOST"),
        description="Where /metrics answers; it asks for no token.",
    )
    metrics_port: Annotated[int, Field(ge=1, le=65_000)] = Field(
        default=_METRICS_PORT,
        validation_alias=_named("METRICS_PORT"),
        description="Its port; each further process of the gateway takes the next.",
    )
    max_in_flight: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=100, description="How many calls one worker process may have in flight."
    )
    docs: bool = Field(
        default=True,
        validation_alias=_named("DOCS"),
        description="Whether /docs and /openapi.json are served; they need no token.",
    )
    console: bool = Field(
        default=True,
        validation_alias=_named("CONSOLE"),
        description="Whether /console is served: pages for people, who sign in with a token.",
    )
    access_log: bool = Field(
        default=True,
        validation_alias=_named("ACCESS_LOG"),
        description="Whether a line is logged for each request.",
    )

    @field_validator("port", "metrics_port", mode="before")
    @classmethod
    def _by_hand(cls, port: object, info: ValidationInfo) -> object:
        # Kubernetes sets this very variable to an address if a Service is named `rerankq-gateway`
        # or `rerankq-gateway-metrics`.
        is_address = isinstance(port, str) and _OF_A_SERVICE.match(port)
        return cls.model_fields[info.field_name or ""].default if is_address else port

    @field_validator("tokens", "proxies", "webhook_networks", mode="before")
    @classmethod
    def _separated(cls, names: object) -> object:
        if isinstance(names, str):
            return tuple(each.strip() for each in names.split(",") if each.strip())
        return names

    @field_validator("tokens")
    @classmethod
    def _cannot_be_guessed(cls, tokens: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
        if not all(_TOKEN.fullmatch(each.get_secret_value()) for each in tokens):
            raise ValueError("a token is rk_ and at least 43 random letters, digits, _ or -")
        return tokens

    @field_validator("proxies", "webhook_networks")
    @classmethod
    def _are_addresses(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for each in names:
            try:
                ipaddress.ip_network(each, strict=False)
            except ValueError:
                raise ValueError(
                    f"{each} is no address or network: write 10.0.0.2 or 10.0.0.0/8"
                ) from None
        return names

    @field_validator("root_path")
    @classmethod
    def _is_a_path(cls, path: str) -> str:
        if path and (not path.startswith("/") or path.endswith("/")):
            raise ValueError("must begin with a slash and not end with one, as in /rerank")
        return path

    @field_validator("tls_cert", "tls_key")
    @classmethod
    def _is_a_file(cls, path: Path | None) -> Path | None:
        if path and not path.is_file():
            raise ValueError(f"there is no file {path}")
        return path

    @model_validator(mode="after")
    def _tls_is_whole(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError(
                "RERANKQ_GATEWAY_TLS_CERT and RERANKQ_GATEWAY_TLS_KEY: set both, or none"
            )
        return self

    @model_validator(mode="after")
    def _can_be_measured(self) -> Self:
        if self.metrics and not find_spec("prometheus_client"):
            raise ValueError(f"RERANKQ_METRICS needs an extra: {install('metrics')}")
        return self

    @property
    def token_texts(self) -> list[str]:
        """The tokens that are set, in clear."""
        return [each.get_secret_value() for each in self.tokens]

    @property
    def on_loopback(self) -> bool:
        """Whether only programs on this machine can connect."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether a host's name or address is this machine's own loopback."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost" or host.lower().endswith(".localhost")


def load() -> GatewaySettings:
    """The settings, checked.

    Raises:
        SettingsError: one is wrong, or unknown.
    """
    refuse_unknown((*GatewaySettings.names(), *OTHER_NAMES), env_file=ENV_FILE)
    # It serves all tenants: whose a request is, its token says.
    return GatewaySettings.load(env_file=ENV_FILE).of_operator()
