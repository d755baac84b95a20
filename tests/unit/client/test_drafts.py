"""Drafts that a caller submits, and the jobs made of them."""

from collections.abc import Iterator
from typing import Any

import pytest

from rerankq.client.drafts import Draft, Submission, checked_id, job_from, jobs_from
from rerankq.contract import Document, Job, Lane, RerankRequest
from rerankq.errors import InvalidRequest

GOOD: dict[str, Any] = {"query": "q", "documents": ["d"]}
REQUEST = RerankRequest(query="q", documents=("d",))


def job(draft: Draft) -> Job:
    return job_from(draft, default_model="default")


def test_a_mapping_may_mix_fields_of_request_and_job() -> None:
    """A mapping's names go to the request or to the job, whichever has them."""
    made = job(GOOD | {"top_n": 1, "lane": "interactive", "custom_id": "c", "metadata": {"a": "b"}})
    assert made.request.top_n == 1
    assert (made.lane, made.custom_id, made.metadata) == (Lane.INTERACTIVE, "c", {"a": "b"})


def test_model_of_the_draft_wins_over_the_default() -> None:
    """The default model is for drafts that name none."""
    assert job(GOOD).request.model == "default"
    assert job(GOOD | {"model": None}).request.model == "default"
    assert job(GOOD | {"model": "mine"}).request.model == "mine"


def test_none_means_absent() -> None:
    """An argument that is None counts as not given."""
    names = Submission.__annotations__.keys() - GOOD.keys()
    given = job(GOOD | dict.fromkeys(names))
    assert given.model_dump(exclude={"id"}) == job(GOOD).model_dump(exclude={"id"})


def test_documents_may_be_any_iterable() -> None:
    """Documents may come from a generator, as strings, mappings or Document objects."""

    def documents() -> Iterator[object]:
        yield "a"
        yield {"id": "1", "text": "b"}
        yield Document(text="c")

    assert job({"query": "q", "documents": documents()}).request.texts() == ["a", "b", "c"]


@pytest.mark.parametrize("documents", ["one string", b"bytes", {"text": "d"}])
def test_a_string_or_mapping_is_no_list_of_documents(documents: object) -> None:
    """A string instead of a list is refused, and not taken as a list of its letters."""
    with pytest.raises(InvalidRequest) as caught:
        job({"query": "q", "documents": documents})
    assert caught.value.field == "documents"


def test_jobs_and_requests_pass_as_they_are() -> None:
    """A Job is the job itself, and a request becomes one."""
    ready = Job(request=REQUEST)
    assert job(ready) is ready
    assert job(REQUEST).request is REQUEST


def test_fault_is_named_without_a_prefix() -> None:
    """The fields of the request are named as the caller spelt them."""
    with pytest.raises(InvalidRequest) as caught:
        job(GOOD | {"top_n": 0})
    assert caught.value.field == "top_n"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("topn", ": did you mean top_n?"),
        ("lnae", ": did you mean lane?"),
        ("idempotency", ": did you mean idempotency_key?"),
        ("id", ""),
        ("version", ""),
    ],
)
def test_unknown_name_is_refused(name: str, hint: str) -> None:
    """A name that submit does not have is refused with the nearest one, not passed over."""
    with pytest.raises(InvalidRequest, match=rf"^{name}: is not an argument of submit") as caught:
        job(GOOD | {name: "x"})
    assert hint in str(caught.value)


def test_caller_may_fix_the_id() -> None:
    """The id that the caller gives is the job's; one that cannot be an id is refused."""
    assert job(GOOD | {"job_id": "order-7:1"}).id == "order-7:1"
    said = r"^job_id: must be 1 to 64 letters, digits and _ \. : -$"
    with pytest.raises(InvalidRequest, match=said):
        job(GOOD | {"job_id": "a b"})


@pytest.mark.parametrize("documents", [5, 1.5, True, object()])
def test_what_is_no_list_of_documents_is_refused(documents: object) -> None:
    """Documents that cannot be iterated are refused, and the message names the field."""
    with pytest.raises(InvalidRequest, match=r"^documents: must be a list$"):
        job({"query": "q", "documents": documents})


def test_an_id_is_a_text() -> None:
    """An id that is not a string is refused by name."""
    with pytest.raises(InvalidRequest, match=r"^job_id: must be a string$"):
        checked_id(None)


def test_every_argument_of_submit_reaches_the_job() -> None:
    """Each name that submit documents is a field of the request or of the job."""
    fields = RerankRequest.model_fields.keys() | Job.model_fields.keys() | {"job_id"}
    assert Submission.__annotations__.keys() <= fields


def test_bad_draft_is_named_by_its_position() -> None:
    """A portion ends at its first bad draft, which is named by its position in the stream."""
    made, fault = jobs_from([GOOD, REQUEST, GOOD | {"top_n": 0}, GOOD], default_model="m", start=50)
    assert len(made) == 2
    assert fault is not None
    assert fault.field == "52.top_n"


def test_good_drafts_have_no_fault() -> None:
    """A portion without a bad draft comes back whole."""
    made, fault = jobs_from([GOOD, GOOD], default_model="m", start=0)
    assert (len(made), fault) == (2, None)
