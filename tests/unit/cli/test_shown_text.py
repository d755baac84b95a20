import pytest

from rerankq.cli.job.ranking import shortened, show_ranking, shown_score
from rerankq.cli.terminal import printable
from rerankq.contract import Document, RankedDocument, RerankResult, Timings


def test_a_document_cannot_control_the_terminal() -> None:
    """Control characters in a text are shown as blanks."""
    assert printable("a\x1b[31mb\r\nc\u202ed") == "a [31mb  c d"


def test_text_is_cut_by_columns() -> None:
    """A Chinese character takes two columns."""
    assert shortened("猫" * 10, 9) == "猫猫猫猫…"
    assert shortened("short", 9) == "short"


def test_a_small_score_keeps_its_digits() -> None:
    """A score near zero is not shown as zero."""
    assert (shown_score(0.98765), shown_score(0.00004), shown_score(0.0)) == (
        "0.9877",
        "4.0e-05",
        "0.0000",
    )


def test_raw_scores_have_a_column(capsys: pytest.CaptureFixture[str]) -> None:
    """The site's own scores are shown if the result has them."""
    row = RankedDocument(index=0, relevance_score=0.9836975, raw_score=4.1)
    timings = Timings(waited_seconds=0, upstream_seconds=0)
    result = RerankResult(job_id="j", model="m", results=(row,), attempts=1, timings=timings)
    show_ranking(result)
    assert capsys.readouterr().out.split() == [
        "#",
        "score",
        "raw",
        "index",
        "document",
        "1",
        "0.9837",
        "4.1000",
        "0",
    ]


def test_markup_in_a_document_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Square brackets of a document come out as they are."""
    row = RankedDocument(index=0, relevance_score=0.5, document=Document(text="[bold]x[/bold]"))
    result = RerankResult(
        job_id="j",
        model="m",
        results=(row,),
        attempts=1,
        timings=Timings(waited_seconds=0, upstream_seconds=0),
    )
    show_ranking(result)
    assert "[bold]x[/bold]" in capsys.readouterr().out
