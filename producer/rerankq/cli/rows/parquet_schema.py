"""The columns of a table of rankings, made of the contract: a new field there is a column here."""

import types
from enum import StrEnum
from typing import Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from rerankq.contract import JobError, LongDocument, RankedDocument, Usage


def schema() -> Any:
    """The schema, for pyarrow; needs the extra `parquet`."""
    import pyarrow as pa  # noqa: PLC0415  an extra brings it

    return pa.schema(
        [
            ("custom_id", pa.string()),
            ("job_id", pa.string()),
            ("status", pa.string()),
            ("results", pa.list_(_type_of(RankedDocument))),
            ("usage", _type_of(Usage)),
            ("long_documents", pa.list_(_type_of(LongDocument))),
            ("raw_scale", pa.string()),
            ("attempts", pa.int64()),
            ("error", _type_of(JobError)),
        ]
    )


def _type_of(annotation: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415  an extra brings it

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = annotation.model_fields.items()
        return pa.struct([(name, _type_of(field.annotation)) for name, field in fields])
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return pa.string()
    kinds = get_args(annotation)
    if get_origin(annotation) is Literal:
        return pa.string()
    if get_origin(annotation) in {Union, types.UnionType}:
        return _type_of(next(each for each in kinds if each is not type(None)))
    if get_origin(annotation) in {list, tuple}:
        return pa.list_(_type_of(kinds[0]))
    if kinds and kinds[0] in _PLAIN:  # an Annotated type, such as StrictInt
        annotation = kinds[0]
    return getattr(pa, _PLAIN[annotation])()


_PLAIN: Final[dict[Any, str]] = {bool: "bool_", int: "int64", float: "float64", str: "string"}
