"""The format of an input, by its first bytes: text, compressed text, or one that cannot be read.

Source of the marks: the `magic` database of file(1), and each format's own specification.
"""

from typing import Final

import orjson

LOOKED_AT_BYTES: Final = 64 * 1024
"""How much of an input is looked at before anything else is done."""

MARK_BYTES: Final = 8
"""The longest mark that tells a format."""

GZIP: Final = b"\x1f\x8b"
ZSTANDARD: Final = b"\x28\xb5\x2f\xfd"
PARQUET: Final = b"PAR1"

_UNPACK: Final = "unpack it first (gzip and Zstandard are read as they are)"
_ENCODE: Final = "write it as UTF-8 first, such as with `iconv -f {name} -t UTF-8`"
_LINES: Final = "write one JSON object a line"
_EXPORT: Final = "write it as JSON Lines first: an object a line"
_BY_NAME: Final = (
    "`rerankq run` reads it as a file that it is given by name, not through a pipe and not "
    "compressed as a whole; for anything else write it as JSON Lines first: an object a line"
)
_REFUSED: Final[dict[bytes, tuple[str, str]]] = {
    b"PK\x03\x04": ("a zip archive or an Excel workbook", _UNPACK),
    b"PK\x05\x06": ("an empty zip archive", _UNPACK),
    b"BZh": ("bzip2 data", _UNPACK),
    b"\xfd7zXZ\x00": ("xz data", _UNPACK),
    b"7z\xbc\xaf\x27\x1c": ("a 7-Zip archive", _UNPACK),
    b"Rar!": ("a RAR archive", _UNPACK),
    b"\x04\x22\x4d\x18": ("LZ4 data", _UNPACK),
    PARQUET: ("a Parquet file", _BY_NAME),
    b"Obj\x01": ("an Avro file", _EXPORT),
    b"ORC": ("an ORC file", _EXPORT),
    b"ARROW1": ("an Arrow file", _EXPORT),
    b"SQLite f": ("an SQLite database", _EXPORT),
    b"\xd0\xcf\x11\xe0": ("an Excel workbook of the old kind", _EXPORT),
    b"%PDF": ("a PDF file", _EXPORT),
    b"\xff\xfe\x00\x00": ("UTF-32 text", _ENCODE.format(name="UTF-32")),
    b"\x00\x00\xfe\xff": ("UTF-32 text", _ENCODE.format(name="UTF-32")),
    b"\xff\xfe": ("UTF-16 text", _ENCODE.format(name="UTF-16")),
    b"\xfe\xff": ("UTF-16 text", _ENCODE.format(name="UTF-16")),
}
_BOM: Final = b"\xef\xbb\xbf"
_TAR: Final = b"ustar"
_TAR_AT: Final = 257
_ENOUGH_LINES: Final = 10


def unreadable(first: bytes) -> str | None:
    """The format of an input that is not text, and what to do; None when it may be text.

    Args:
        first: its first bytes, unpacked.
    """
    for mark, (name, advice) in _REFUSED.items():
        if first.startswith(mark):
            return f"it is {name}: {advice}"
    if first.startswith((GZIP, ZSTANDARD)):
        return f"it was compressed twice: {_UNPACK}"
    if first[_TAR_AT:].startswith(_TAR):
        return f"it is a tar archive: {_UNPACK}"
    if first.count(0) > len(first) // 4:
        return "it is UTF-16 or binary, not UTF-8 text: write it as UTF-8 first"
    return None


def not_json_lines(first: bytes, *, whole: bool) -> str | None:
    """Why text is not JSON Lines as a whole; None when it is, or only some lines are wrong.

    Args:
        first: its first bytes.
        whole: whether that is a large part of it, and not only what came with the first line.
    """
    lines = [line for line in map(bytes.strip, first.removeprefix(_BOM).split(b"\n")) if line]
    if not whole:
        # More lines are here only by chance: they are judged later, one by one.
        lines = lines[:1]
    fault = None
    if lines and lines[0].startswith(b"["):
        fault = "it is a JSON array: write an object a line, such as with `jq -c '.[]'`"
    elif lines[:1] == [b"{"] and (len(lines) > 1 or not whole):
        fault = "its JSON is spread over lines: write an object a line, such as with `jq -c .`"
    elif any(line.startswith(b"{") for line in lines):
        pass  # single wrong lines are reported one by one
    elif b"\x00" in first:
        fault = f"it is binary: {_EXPORT}"
    elif lines and not whole:
        fault = f"its first line is no JSON object, but looks like {_kind(lines[0])}: {_LINES}"
    elif whole and len(lines) > (1 if len(first) < LOOKED_AT_BYTES else _ENOUGH_LINES):
        fault = f"it looks like CSV or plain text: {_LINES}"
    return fault


def _kind(line: bytes) -> str:
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError:
        return "HTML or XML" if line.startswith(b"<") else "CSV or plain text"
    return "another JSON value"
