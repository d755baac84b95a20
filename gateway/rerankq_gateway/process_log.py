"""The log of a gateway process."""

from rerankq.monitoring.logs.masks import secrets_in
from rerankq.monitoring.logs.set_up import set_up_log
from rerankq_gateway.settings import GatewaySettings


def set_up_process_log(settings: GatewaySettings) -> None:
    """Write it as the settings say."""
    set_up_log(
        settings.log_level,
        settings.log_format,
        service="gateway",
        secrets=(*secrets_in(settings.redis_url), *settings.token_texts),
    )
