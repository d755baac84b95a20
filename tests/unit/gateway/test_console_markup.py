import re

import pytest

from rerankq_gateway.console.charts import chart
from rerankq_gateway.console.elements import prose, share, shares, table
from rerankq_gateway.console.markup import joined, tag, text
from rerankq_gateway.console.words import duration, moment, short

HOSTILE = "\"><script>alert(1)</script><img src=x onerror='alert(1)'>"


def test_every_text_is_escaped() -> None:
    """A text cannot become markup, as a child, an attribute, a cell, a title or a caption."""
    pages = [
        text(HOSTILE),
        tag("p", HOSTILE, [HOSTILE, None, 1.5]),
        tag("a", "x", title=HOSTILE, data_x=HOSTILE),
        table(HOSTILE, [HOSTILE, HOSTILE], [[HOSTILE, HOSTILE]], empty=HOSTILE),
        table("", [], [], empty=HOSTILE),
        chart(HOSTILE, HOSTILE, {HOSTILE: [(1.0, 2.0)]}, now=2.0, scale=lambda _: HOSTILE),
        prose(f"a `{HOSTILE}` {HOSTILE}"),
        shares({HOSTILE: 1}),
        short(HOSTILE),
    ]
    for page in pages:
        assert "<script" not in page
        assert "<img" not in page
        assert '"><' not in page.replace('""><', "") or "&quot;&gt;" in page


def test_html_is_not_escaped_twice() -> None:
    """What `tag` has made is put in as it is; only what it was made of is escaped."""
    assert joined(tag("b", "a < b"), " & ") == "<b>a &lt; b</b> &amp; "


@pytest.mark.parametrize(
    "address",
    [
        "javascript:alert(1)",
        "//evil.example/x",
        "/\\evil.example",
        "https://evil.example",
        "data:,",
    ],
)
def test_no_link_leaves_the_console(address: str) -> None:
    """A link, a form or a script leads to this server only, whatever its address is made of."""
    with pytest.raises(ValueError, match="on this server"):
        tag("a", "x", href=address)


@pytest.mark.parametrize("name", ["style", "onclick"])
def test_what_the_policy_forbids_is_not_written(name: str) -> None:
    """No element has a style or a script of its own: the policy would ignore it."""
    with pytest.raises(ValueError, match="not allowed"):
        tag("p", "x", **{name: "x"})


def test_a_line_is_placed_by_time_and_size() -> None:
    """The newest is at the right, the least below; where nobody looked, the line is interrupted."""
    points = [(0.0, 0.0), (30.0, 10.0), (100.0, 5.0)]
    page = chart("Jobs", "5", {"jobs": points}, now=100.0, scale="{:g}".format)
    lines = re.findall(r'<polyline points="([^"]+)"', page)
    assert lines == ["0.0,116.0 180.0,4.0", "595.0,60.0 600.0,60.0"]
    assert ">10</span>" in page
    assert "2 min ago" in page
    assert "<polyline" not in chart("Jobs", "", {"jobs": []}, now=1.0, scale=str)


def test_how_much_is_done_is_said_in_words() -> None:
    """A bar alone tells nothing to those who do not see it; nothing at all is 0 %."""
    assert "99 %" in share(199, 200)
    assert 'aria-label="199 of 200 ended"' in share(199, 200)
    assert "0 %" in share(0, 0)


def test_commands_in_a_sentence_stand_out() -> None:
    """What is between backticks becomes code; the rest stays text."""
    assert prose("say `rerankq up` now") == "say <code>rerankq up</code> now"


def test_hidden_characters_are_shown() -> None:
    """A name cannot turn the text around it, nor hide a part of itself."""
    assert text("a\u202eb\x1b[31mc\ud800") == "a\\u202eb\\u001b[31mc\\ud800"


def test_numbers_and_times_are_for_people() -> None:
    """Durations have one unit or two; times are in UTC for the script; a bad one is a dash."""
    assert [duration(each) for each in (0.25, 12.0, 60, 90, 7300, 90_000)] == [
        *("250 ms", "12.0 s", "1 min", "1 min 30 s", "2 h 1 min", "1 d 1 h"),
    ]
    assert moment(0.0) == '<time datetime="1970-01-01T00:00:00.000Z">1970-01-01 00:00:00 UTC</time>'
    assert moment(1e300) == moment(None)
