"""`rerankq schema`: the messages as JSON Schema, for producers in other languages."""

import json
from typing import Annotated, Any

import typer

from rerankq.cli.failures import CommandError
from rerankq.cli.terminal import put_json
from rerankq.contract import MESSAGES


def schema(
    name: Annotated[
        str | None, typer.Argument(help="One message, such as Job; all when absent.")
    ] = None,
) -> None:
    """Print the JSON Schemas of the messages.

    Prints one JSON object {name: schema}; of one message only, when NAME is given.
    """
    schemas = {each.__name__: each.model_json_schema() for each in MESSAGES}
    put_json(json.dumps(_chosen(schemas, name), indent=2, ensure_ascii=False).encode())


def _chosen(schemas: dict[str, Any], name: str | None) -> dict[str, Any]:
    if name is None:
        return schemas
    chosen = {each: schemas[each] for each in schemas if each.lower() == name.lower()}
    if not chosen:
        raise CommandError(f"no message has this name: there are {', '.join(schemas)}")
    return chosen
