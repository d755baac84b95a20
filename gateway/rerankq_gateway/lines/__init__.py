"""Jobs by the line: read from a long body, checked, and kept on disk until all were read."""

from rerankq_gateway.lines.line import BadLine, Line, UnreadableLines
from rerankq_gateway.lines.reader import lines
from rerankq_gateway.lines.spool import Check, Spool, new_spool, spooled

__all__ = ["BadLine", "Check", "Line", "Spool", "UnreadableLines", "lines", "new_spool", "spooled"]
