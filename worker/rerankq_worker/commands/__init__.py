"""What the worker's side adds to the command line, by entry point.

worker   `rerankq worker`: serves jobs
compare  `rerankq compare`: two models or sites on the same questions
"""

from importlib.util import find_spec

if find_spec("httptools") is None:
    # Checked here rather than when a lane starts, so that the command line can name the extra.
    raise ModuleNotFoundError("the worker extra is not installed", name="httptools")
