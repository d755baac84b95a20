"""Copies of jobs that are sent to a site which is only tried out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from rerankq.events.event import Event, JobRef


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowCompared(Event):
    """A site that is tried out has ranked a copy of a job, and both rankings were compared.

    Attributes:
        job: the job; it has its own ranking already.
        site: the site that is tried out.
        model: the site's name for the model.
        overlap: by length of the head: the share of documents that both heads have, 0 to 1.
        rank_correlation: Spearman's rho of the ranks, -1 to 1; None if there is none.
        seconds: how long the call to that site took.
    """

    name: ClassVar[str] = "shadow.compared"
    job: JobRef
    site: str
    model: str
    overlap: Mapping[int, float]
    rank_correlation: float | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShadowFailed(Event):
    """A site that is tried out has not ranked a copy of a job. It is not asked again.

    Attributes:
        job: the job; it has its own ranking already.
        site: the site that is tried out.
        model: the site's name for the model; empty if it does not serve the job's.
        reason: the code of the error.
    """

    name: ClassVar[str] = "shadow.failed"
    job: JobRef
    site: str
    model: str
    reason: str
