"""Makes jobs of our own lines, which have the fields of a job, or the form of OpenAI's batches."""

from collections.abc import Callable, Mapping
from typing import Any

from rerankq.client.line_forms import custom_id_of, fields_of, parsed
from rerankq.client.prepared import PreparedJob
from rerankq.errors import InvalidRequest
from rerankq_gateway.lines.line import INVALID_JSON, BadLine, Line
from rerankq_gateway.lines.spool import Check


def submission(
    prepare: Callable[[Mapping[str, Any]], PreparedJob],
    *,
    job_id: Callable[[Line], str],
    defaults: Mapping[str, Any],
) -> Check:
    """A check of lines.

    Args:
        prepare: makes a job of the arguments of `submit`.
        job_id: the id of the job on a line, the same for each repeat.
        defaults: arguments for lines that do not have them.
    """

    def checked(line: Line) -> PreparedJob | BadLine:
        given: Mapping[str, Any] | None = None
        try:
            given = parsed(line.content)
            own = {"job_id": job_id(line)}
            return prepare({**defaults, **fields_of(given), **own})
        except InvalidRequest as fault:
            code = INVALID_JSON if given is None else fault.code
            custom_id = custom_id_of(given or {})
            return BadLine(line.number, fault.field, fault.reason, code, custom_id)

    return checked
