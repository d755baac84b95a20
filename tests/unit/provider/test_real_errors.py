"""Real error answers, from `real_errors.txt`: what each means, and how it reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rerankq.contract import RerankRequest
from rerankq_worker.provider import error_body
from rerankq_worker.provider.error_answers import Reply, fault
from rerankq_worker.provider.taxonomy import TABLE
from rerankq_worker.upstream import errors as upstream

REQUEST = RerankRequest(query="how to avoid a cold", documents=("wash your hands, wear a mask",))


@dataclass(frozen=True)
class Seen:
    """One error answer, the name of its class, and its message."""

    vendor: str
    status: int
    means: str
    body: bytes
    message: str


def read_seen() -> Iterator[Seen]:
    lines = Path(__file__).with_name("real_errors.txt").read_text("utf-8").splitlines()
    told = [line for line in lines if line and not line.startswith("#")]
    for heading, body, message in zip(told[::3], told[1::3], told[2::3], strict=True):
        vendor, status, means = heading.split()
        yield Seen(vendor, int(status), means, b"" if body == "-" else body.encode(), message)


SEEN = tuple(read_seen())


@pytest.mark.parametrize("seen", SEEN, ids=lambda seen: f"{seen.vendor}-{seen.status}-{seen.means}")
def test_each_body_seen_has_its_class_and_its_message(seen: Seen) -> None:
    """Each observed error body has its class and its message."""
    error = fault(Reply(seen.status, seen.body), REQUEST, key="sk-of-the-account")
    assert type(error) is getattr(upstream, seen.means)
    assert str(error) == seen.message


@pytest.mark.parametrize("seen", SEEN, ids=lambda seen: f"{seen.vendor}-{seen.status}-{seen.means}")
@pytest.mark.parametrize("texts", [("a", "b", "m", "1"), ("负载", "额度", "渠道", "of", "limit")])
def test_short_texts_do_not_change_the_class(seen: Seen, texts: tuple[str, ...]) -> None:
    """Short texts that the vendor's words contain by chance do not change the error's class."""
    request = RerankRequest(query=texts[0], documents=texts[1:])
    error = fault(Reply(seen.status, seen.body), request, key="sk-of-the-account")
    assert (type(error).__name__, str(error)) == (seen.means, seen.message)


def test_each_row_of_the_table_decides_a_body_seen() -> None:
    """Each row of the table is the first that fits one of the observed bodies."""
    deciding = set()
    for seen in SEEN:
        said = error_body.read(seen.body)
        fitting = (
            n
            for n, row in enumerate(TABLE)
            if row.fits(seen.status, said.form, said.codes, said.words)
        )
        deciding.add(next(fitting))
    assert [row for n, row in enumerate(TABLE) if n not in deciding] == []
