import pytest
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

from rerankq.monitoring.traces.parents import origin_of, span_context

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    ("text", "sampled"),
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"cc-{TRACE}-{SPAN}-03", True),
        (f"ff-{TRACE}-{SPAN}-01", None),
        (f"00-{'0' * 32}-{SPAN}-01", None),
        (f"00-{TRACE}-{'0' * 16}-01", None),
        ("a client's own words", None),
        ("", None),
        (None, None),
    ],
)
def test_a_context_of_another_process_is_read(text: str | None, *, sampled: bool | None) -> None:
    """W3C's form, of any version but the forbidden one; anything else counts as none."""
    context = span_context(text)
    assert (context and context.trace_flags.sampled) == sampled


def test_workers_agree_on_jobs_without_a_trace() -> None:
    """A job has the same trace in all workers, and a share of the jobs is sampled."""
    sampler = ParentBased(TraceIdRatioBased(0.25))
    origins = [origin_of(f"job-{number}", sampler) for number in range(2000)]
    assert origins == [origin_of(f"job-{number}", sampler) for number in range(2000)]
    assert len({each.trace_id for each in origins}) == 2000
    assert 400 < sum(each.trace_flags.sampled for each in origins) < 600
