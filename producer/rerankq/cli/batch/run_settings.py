"""All that decides what a run submits, by the names that users know: for its checkpoint."""

import dataclasses
import hashlib
from collections.abc import Mapping

from rerankq.cli.failures import CommandError
from rerankq.cli.input.files import STANDARD
from rerankq.cli.input.identity import identity
from rerankq.cli.input.job_lines import Defaults
from rerankq.cli.input.opening import Format
from rerankq.cli.input.trec.queries import TrecFiles
from rerankq.settings import ClientSettings


def settings_of(
    settings: ClientSettings,
    defaults: Defaults,
    *,
    skip: int,
    columns: Mapping[str, str],
    form: Format,
    trec: TrecFiles | None,
) -> dict[str, object]:
    """The settings of a run. An instruction may be private: only a digest of it is kept."""
    given = {f"--{name.replace('_', '-')}": value for name, value in _fields(defaults).items()}
    given["--format"] = form.value
    given["--skip"] = skip
    given["--depth"] = trec.depth if trec else None
    given["--missing"] = trec.missing.value if trec else None
    given |= {f"--column {field}": column for field, column in columns.items()}
    given["RERANKQ_TENANT"] = settings.tenant
    return given


def files_of(source: str, trec: TrecFiles | None, output: str) -> dict[str, object]:
    """The content of each file that a run reads.

    Raises:
        CommandError: one cannot be read again, or the output cannot be written anew.
    """
    if STANDARD in {source, output}:
        raise CommandError(
            "--checkpoint needs an input and an output that are files: name them, the output by -o"
        )
    found: dict[str, object] = {"INPUT": identity(source)}
    if trec:
        found["--corpus"] = identity(trec.corpus)
        found["--topics"] = identity(trec.topics)
    return found


def _fields(defaults: Defaults) -> dict[str, object]:
    fields = {each.name: getattr(defaults, each.name) for each in dataclasses.fields(defaults)}
    if defaults.instruction is not None:
        digest = hashlib.blake2b(defaults.instruction.encode(), digest_size=8)
        fields["instruction"] = f"(digest {digest.hexdigest()})"
    return fields
