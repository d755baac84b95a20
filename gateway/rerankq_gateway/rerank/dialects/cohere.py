"""Cohere's form, of both versions of its API."""

from rerankq_gateway.rerank.dialects.superset import Superset


class Cohere(Superset):
    """Documents come back only when the call asks for them.

    Args:
        version: of the API, by the route.
    """

    returns_documents = False

    def __init__(self, version: str) -> None:
        self.api_version = version
