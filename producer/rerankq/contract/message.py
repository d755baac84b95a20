"""Base classes of messages: frozen, and checked by version when they are read."""

import re
from collections.abc import Mapping
from typing import Any, Final, Self

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator
from pydantic_core import PydanticSerializationError

from rerankq.errors import InvalidRequest
from rerankq.invalid_input import first_mistake

CONTRACT_VERSION: Final = "1.1"

_MAJOR, _SEPARATOR, _MINOR = CONTRACT_VERSION.partition(".")
_SURROGATE = re.compile("[\ud800-\udfff]")
_VERSION = re.compile(r"\d{1,6}\.\d{1,6}")


class Message(BaseModel):
    """Base of every message: frozen; unknown fields, as a newer minor version adds, are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    @classmethod
    def parse(cls, data: bytes | str | Mapping[str, Any]) -> Self:
        """Decode JSON or a mapping.

        Raises:
            InvalidRequest: names the first offending field, never its value.
        """
        try:
            if isinstance(data, bytes | str):
                return cls.model_validate_json(data)
            return cls.model_validate(data)
        except ValidationError as error:
            raise first_mistake(error) from None

    def encode(self) -> bytes:
        """The message as compact JSON.

        Raises:
            InvalidRequest: a string is not valid Unicode (a lone surrogate).
        """
        try:
            return self.__pydantic_serializer__.to_json(self, exclude_none=True)
        except PydanticSerializationError:
            reason = "holds text that is not valid Unicode"
            field = _not_unicode(self.model_dump()).removeprefix("request.")
            raise InvalidRequest(field, reason) from None


def _not_unicode(value: object) -> str:
    """Dotted path of a string that cannot be written as UTF-8; "" when it is a field's name."""
    match value:
        case Mapping():
            parts: list[tuple[object, object]] = list(value.items())
        case list() | tuple():
            parts = list(enumerate(value))
        case _:
            return ""
    for name, part in parts:
        if isinstance(part, str) and _SURROGATE.search(part):
            return str(name)
        if inner := _not_unicode(part):
            return f"{name}.{inner}"
    return ""


class Versioned(Message):
    """A message that is stored, and so may be read by another version of this code."""

    version: str = CONTRACT_VERSION

    @field_validator("version")
    @classmethod
    def _same_major(cls, version: str) -> str:
        if not _VERSION.fullmatch(version):
            raise ValueError('must look like "1.0"')
        if version.partition(".")[0] != _MAJOR:
            raise ValueError(
                f"contract version {version} is not supported: this rerankq reads {_MAJOR}.x"
            )
        return version
