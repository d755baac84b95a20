"""Lines that are JSON objects, or values between tabs: the two forms of corpora and topics."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from rerankq.cli.failures import CommandError

Named = Callable[[Mapping[str, Any]], str | None]
_BOM: Final = b"\xef\xbb\xbf"


def id_and_text(line: bytes, id_of: Named, text_of: Named, where: str) -> tuple[str, str]:
    """The id and the text of a line.

    Args:
        line: an object of JSON, or an id, a tab and a text.
        id_of: finds the id in an object.
        text_of: finds the text in an object.
        where: file and line, for the message.

    Raises:
        CommandError: the line has neither form.
    """
    line = line.removeprefix(_BOM)
    try:
        if line.lstrip().startswith(b"{"):
            given = orjson.loads(line)
            name, text = id_of(given), text_of(given)
        else:
            name, tab, text = line.decode().strip("\r\n").partition("\t")
            name, text = name.strip(), text.replace("\t", " ") if tab else None
    except orjson.JSONDecodeError:
        raise CommandError(f"{where}: it is not valid JSON: correct the line") from None
    except UnicodeDecodeError:
        raise CommandError(f"{where}: it is not valid UTF-8: correct the line") from None
    if not name or text is None:
        raise CommandError(
            f"{where}: it has no id and text: write an object with _id and text, or an id, a tab "
            "and the text"
        )
    return name, text
