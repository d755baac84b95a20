"""Jobs by the line: read from a long body, checked, and kept on disk until all were read.

reader      splits a body into lines, in bounded memory
json_lines  the lines of JSONL
json_array  the entries of a JSON array
line        a line, and what is wrong with one
checking    makes jobs of lines
spool       keeps the jobs on disk until all lines were read
"""

from rerankq_gateway.lines.line import BadLine, Line, UnreadableLines
from rerankq_gateway.lines.reader import lines
from rerankq_gateway.lines.spool import Check, Spool, new_spool, spooled

__all__ = ["BadLine", "Check", "Line", "Spool", "UnreadableLines", "lines", "new_spool", "spooled"]
