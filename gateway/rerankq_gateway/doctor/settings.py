"""Settings of the gateway that are wrong, or that do not fit together."""

from collections.abc import Iterator

from rerankq.doctor.check import NO_REDIS, SetUp
from rerankq.doctor.finding import CannotCheckError, Finding, ok, warning
from rerankq.doctor.settings import wrong
from rerankq.errors import SettingsError
from rerankq_gateway.settings import GatewaySettings


async def look(set_up: SetUp) -> list[Finding]:
    """What `rerankq gateway` would refuse, and what it accepts although it makes little sense."""
    if faults := GatewaySettings.faults(set_up.env_file):
        return list(wrong(faults))
    settings = gateway_settings(set_up)
    scheme = "https" if settings.tls_cert else "http"
    return list(_odd(settings)) or [
        ok("gateway_settings", f"it would listen on {scheme}://{settings.host}:{settings.port}")
    ]


def gateway_settings(set_up: SetUp, *, with_redis: bool = False) -> GatewaySettings:
    """The settings of the gateway.

    Args:
        set_up: what is examined.
        with_redis: whether Redis is used. If not, its wrong address hides no other check.

    Raises:
        CannotCheckError: one is wrong; the check of the settings says which.
    """
    try:
        return GatewaySettings.load(set_up.env_file, **({} if with_redis else NO_REDIS))
    except SettingsError:
        raise CannotCheckError("the settings of the gateway are wrong") from None


def _odd(settings: GatewaySettings) -> Iterator[Finding]:
    if settings.max_upload < settings.max_body:
        yield warning(
            "settings_contradict",
            f"RERANKQ_GATEWAY_MAX_UPLOAD ({settings.max_upload:,}) is less than "
            f"RERANKQ_GATEWAY_MAX_BODY ({settings.max_body:,})",
            "raise the first: it is for files of many jobs",
        )
    if settings.files_bytes < settings.max_upload:
        yield warning(
            "settings_contradict",
            f"RERANKQ_GATEWAY_FILES_BYTES ({settings.files_bytes:,}) is less than "
            f"RERANKQ_GATEWAY_MAX_UPLOAD ({settings.max_upload:,}): such a file has no room",
            "raise the first, or lower the second",
        )
