"""What the worker's side adds to the command line, by entry point."""

from importlib.util import find_spec

if find_spec("httptools") is None:
    # Found out now, not when the first lane starts: the command line names the extra.
    raise ModuleNotFoundError("the worker extra is not installed", name="httptools")
