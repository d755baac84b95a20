"""`rerankq sandbox`: the stand-in for the upstream, with its options."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from rerankq.errors import SettingsError
from rerankq.invalid_input import in_plain_words
from rerankq.monitoring.logs.options import FormatOption, LevelOption, prefer
from rerankq.monitoring.logs.set_up import set_up_log
from rerankq.monitoring.settings import ProcessSettings
from rerankq.open_files import allow_open_files
from rerankq.variables import OTHER_NAMES, read_one, refuse_unknown

_ANSWERS = "Answers"
_LATENCY = "Latency, in milliseconds"
_FAULTS = "Limits and faults"


def sandbox(
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8787,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    key: Annotated[
        list[str] | None,
        typer.Option(
            envvar="RERANKQ_SANDBOX_KEY", help="Key to demand; several are allowed. None: any key."
        ),
    ] = None,
    log: Annotated[
        Path | None, typer.Option(help="File that gets two JSON lines a call: arrived, answered.")
    ] = None,
    dialect: Annotated[
        str,
        typer.Option(
            help="The vendor's format at /v1/rerank: dmxapi, jina, siliconflow, "
            "siliconflow-as-documented, voyage or vllm; cohere, tei, dashscope and vllm-score "
            "are always served, at their own paths.",
            rich_help_panel=_ANSWERS,
        ),
    ] = "dmxapi",
    scorer: Annotated[
        str,
        typer.Option(
            help="bigram (shared characters; fast), semantic (meaning as well; needs the embedded "
            "extra, and is slow: a few hundred documents a second), hash (fastest, no meaning), "
            "or auto: semantic if it is installed, else bigram.",
            rich_help_panel=_ANSWERS,
        ),
    ] = "bigram",
    latency_ms: Annotated[
        float, typer.Option(help="Mean time to an answer.", rich_help_panel=_LATENCY)
    ] = 0.0,
    jitter: Annotated[
        float,
        typer.Option(
            help="Uniform spread: 0.2 means 80 % to 120 % of the mean.", rich_help_panel=_LATENCY
        ),
    ] = 0.0,
    latency_p99_ms: Annotated[
        float | None,
        typer.Option(
            help="Log-normal instead: half the calls within --latency-ms, 99 % within this.",
            rich_help_panel=_LATENCY,
        ),
    ] = None,
    document_ms: Annotated[
        float, typer.Option(help="Added for each document.", rich_help_panel=_LATENCY)
    ] = 0.0,
    token_ms: Annotated[
        float, typer.Option(help="Added for each token, estimated.", rich_help_panel=_LATENCY)
    ] = 0.0,
    scenario: Annotated[
        Path | None,
        typer.Option(
            help="File (TOML, or .json) that scripts limits, faults, latency and outages in time.",
            rich_help_panel=_FAULTS,
        ),
    ] = None,
    fail_rate: Annotated[
        float, typer.Option(help="Share of calls that fail, 0 to 1.", rich_help_panel=_FAULTS)
    ] = 0.0,
    fail_status: Annotated[
        int, typer.Option(help="Status that failing calls get.", rich_help_panel=_FAULTS)
    ] = 500,
    drop_rate: Annotated[
        float,
        typer.Option(
            help="Share of calls that are cut off without an answer.", rich_help_panel=_FAULTS
        ),
    ] = 0.0,
    seed: Annotated[
        int, typer.Option(help="Seed of latency and of random faults.", rich_help_panel=_FAULTS)
    ] = 0,
    log_level: LevelOption = None,
    log_format: FormatOption = None,
) -> None:
    """Serve a stand-in for the upstream: same contract, sensible scores, faults on request.

    While it runs, `/_sandbox/` serves this machine: `faults`, `limits` and `scenario` can be set
    there; `stats` and `log` show the calls; `errors` lists the errors that can be sent by name.
    """
    prefer(log_level, log_format)
    refuse_unknown((*ProcessSettings.names(), *OTHER_NAMES), env_file=".env")
    settings = ProcessSettings.load(env_file=".env")
    keys = key or read_one("RERANKQ_SANDBOX_KEY", env_file=".env").split()
    allow_open_files()
    from rerankq_sandbox import (  # noqa: PLC0415  not for those who serve lanes
        SandboxConfig,
        ScorerUnavailableError,
        main_run,
    )

    try:
        config = SandboxConfig.model_validate(
            {
                "port": port,
                "host": host,
                "keys": tuple(keys),
                "log": log,
                "dialect": dialect,
                "scorer": scorer,
                "latency_ms": latency_ms,
                "jitter": jitter,
                "latency_p99_ms": latency_p99_ms,
                "document_ms": document_ms,
                "token_ms": token_ms,
                "scenario": scenario,
                "fail_rate": fail_rate,
                "fail_status": fail_status,
                "drop_rate": drop_rate,
                "seed": seed,
            }
        )
        main_run(
            config,
            partial(
                set_up_log,
                settings.log_level,
                settings.log_format,
                service="sandbox",
                secrets=keys,
            ),
        )
    except ValidationError as error:
        raise SettingsError(_wrong_option(error)) from None
    except ScorerUnavailableError as error:
        raise SettingsError(str(error)) from None
    except OSError as error:
        raise SettingsError(
            f"the sandbox cannot start on {host}:{port}: {error.strerror}"
        ) from None


def _wrong_option(error: ValidationError) -> str:
    """The first wrong option, by its name on the command line."""
    fault = error.errors(include_url=False, include_input=False)[0]
    said = in_plain_words(fault)
    if not fault["loc"]:
        # The options contradict each other: the message names their fields.
        return said.replace("_", "-")
    name = str(fault["loc"][0])
    return f"--{'key' if name == 'keys' else name.replace('_', '-')}: {said}"
