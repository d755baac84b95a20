"""The settings: names, types and defaults from their classes, meanings from the README's table.

A test keeps that table complete; it says more than the code, and in both languages.
"""

import re
import types
import typing
from collections.abc import Iterable, Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Any, Final

from annotated_types import Ge, Gt, Le
from pydantic import HttpUrl, SecretStr
from pydantic.fields import FieldInfo

from handbook import links, markdown, readme
from handbook.place import Language
from rerankq.secret_files import SECRETS, file_name_of
from rerankq.settings import ClientSettings, RedisSettings
from rerankq.variables import OTHER_NAMES
from rerankq_gateway.settings import GatewaySettings
from rerankq_worker.settings import WorkerSettings

PAGE: Final = "reference/settings"
_ROW: Final = re.compile(r"^\| `([A-Z_]+)` \|[^|]*\| (.+) \|$", re.MULTILINE)

_GROUPS: Final[tuple[tuple[type[RedisSettings], dict[Language, str]], ...]] = (
    (
        ClientSettings,
        {Language.ENGLISH: "Producers and workers", Language.CHINESE: "生产者和 worker"},
    ),
    (WorkerSettings, {Language.ENGLISH: "Workers only", Language.CHINESE: "仅 worker"}),
    (GatewaySettings, {Language.ENGLISH: "The gateway only", Language.CHINESE: "仅网关"}),
)
_SINGLE: Final = {Language.ENGLISH: "Single commands only", Language.CHINESE: "仅个别命令"}
_FILES: Final = {Language.ENGLISH: "Files of secrets", Language.CHINESE: "存放机密的文件"}
_HEADS: Final = {
    Language.ENGLISH: ("Name", "Type and default", "Meaning"),
    Language.CHINESE: ("名称", "类型与默认值", "含义"),
}
_COMMA: Final = "，"  # noqa: RUF001  as Chinese has it
_TYPES: Final[dict[object, dict[Language, str]]] = {
    bool: {Language.ENGLISH: "true or false", Language.CHINESE: "布尔值"},
    int: {Language.ENGLISH: "whole number", Language.CHINESE: "整数"},
    float: {Language.ENGLISH: "number", Language.CHINESE: "数"},
    str: {Language.ENGLISH: "text", Language.CHINESE: "文本"},
    Path: {Language.ENGLISH: "path", Language.CHINESE: "路径"},
    HttpUrl: {Language.ENGLISH: "URL", Language.CHINESE: "URL"},
    SecretStr: {Language.ENGLISH: "secret", Language.CHINESE: "密钥"},
    tuple: {Language.ENGLISH: "list of {}", Language.CHINESE: "{}的列表"},
    Mapping: {Language.ENGLISH: "list of name=number", Language.CHINESE: "name=number 的列表"},
    Enum: {Language.ENGLISH: "one of {}", Language.CHINESE: "{} 之一"},
}


def made(language: Language) -> str:
    """A table for each part of rerankq."""
    told, parts = set[str](), list[str]()
    for model, titles in _GROUPS:
        rows = {name: row for name, row in _rows(model, language) if name not in told}
        told |= rows.keys()
        # In the order of the README, whose sentences speak of the settings above and below.
        order = [name for name in meanings(language) if name in rows]
        names = [*order, *(name for name in rows if name not in order)]
        table = markdown.table(_HEADS[language], [rows[name] for name in names])
        parts += [f"## {titles[language]}\n", table]
    files = [file_name_of(name) for name in SECRETS]
    single = [name for name in OTHER_NAMES if name not in told and name not in files]
    for titles, names in ((_SINGLE, single), (_FILES, files)):
        parts += [f"## {titles[language]}\n", *(f"- `{name}`" for name in names), ""]
    return "\n".join(parts)


def _rows(model: type[RedisSettings], language: Language) -> Iterable[tuple[str, list[str]]]:
    for variable, field in zip(model.names(), model.model_fields.values(), strict=True):
        meaning = meanings(language).get(variable) or str(field.description)
        told = f"{type_of(field, language)}<br>{markdown.code(shown(field.default))}"
        yield variable, [f"`{variable}`", told.removesuffix("<br>"), meaning]


def shown(default: object) -> str:
    """A default as one would write it; nothing for a setting that is unset."""
    if default in (None, (), {}):
        return ""
    if default == "":
        return '""'
    if isinstance(default, float) and default.is_integer():
        return str(int(default))
    return str(default)


@cache
def meanings(language: Language) -> dict[str, str]:
    """What each setting means, by the README's tables, with links as the page needs them."""
    text = readme.section("Settings", language).body
    return {
        name: links.fitted(
            meaning, origin=language.readme, page=PAGE, language=language, for_sphinx=True
        ).replace("\\|", "|")
        for name, meaning in _ROW.findall(text)
    }


def type_of(field: FieldInfo, language: Language) -> str:
    """The type in words, with its bounds."""
    metadata = [*field.metadata]
    words = _words(field.annotation, metadata, language)
    return words + _bounds(metadata, language)


def _words(annotation: Any, metadata: list[object], language: Language) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        metadata += [each for item in arguments[1:] for each in getattr(item, "metadata", [item])]
        return _words(arguments[0], metadata, language)
    if origin in (types.UnionType, typing.Union):
        (kind,) = (each for each in arguments if each is not types.NoneType)
        return _words(kind, metadata, language)
    if origin is tuple:
        return _TYPES[tuple][language].format(_words(arguments[0], metadata, language))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        values = ", ".join(f"`{each.value}`" for each in annotation)
        return _TYPES[Enum][language].format(values)
    # A type that is not in the table is a mistake of this module.
    return _TYPES[origin or annotation][language]


def _bounds(metadata: list[object], language: Language) -> str:
    least = next((each.ge for each in metadata if isinstance(each, Ge)), None)
    above = next((each.gt for each in metadata if isinstance(each, Gt)), None)
    most = next((each.le for each in metadata if isinstance(each, Le)), None)
    english = language is Language.ENGLISH
    if least is not None and most is not None:
        between = f", {_number(least)} to {_number(most)}"
        return between if english else f"{_COMMA}{_number(least)} 到 {_number(most)}"
    bounds = (
        (least, "at least", "≥"),
        (above, "more than", ">"),
        (most, "at most", "≤"),
    )
    return "".join(
        f", {words} {_number(bound)}" if english else f"{_COMMA}{sign} {_number(bound)}"
        for bound, words, sign in bounds
        if bound is not None
    )


def _number(bound: Any) -> str:
    return f"{bound:,}"
