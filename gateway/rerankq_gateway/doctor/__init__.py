"""What the gateway adds to `rerankq doctor`: its settings, tokens, certificate and files.

settings     wrong settings of the gateway
tokens       whether callers need one, and have one
certificate  whether its certificate is valid, and for how long
files        whether uploaded files can be written, and fit
"""

from collections.abc import Iterator

from rerankq.doctor.check import Check, SetUp
from rerankq_gateway.doctor import certificate, files, settings, tokens


def checks(_: SetUp) -> Iterator[Check]:
    """The checks of a gateway, as if it ran on this machine with these settings."""
    yield Check("gateway settings", settings.look)
    yield Check("gateway tokens", tokens.look)
    yield Check("gateway certificate", certificate.look)
    yield Check("gateway files", files.look)
