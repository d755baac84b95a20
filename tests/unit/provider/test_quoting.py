"""A vendor's words: what of them is the request's, however it was written, and what is its own."""
# ruff: noqa: RUF001  the texts are as people write them

import html
import json
from collections.abc import Callable

import pytest

from rerankq.contract import RerankRequest
from rerankq_worker.provider.quoting import MOST_HEARD, hear

PERSIAN = "می\u200cخواهم کتاب\u200cهای خوب را بخوا\u200cنم و نامه\u200cها را بنویس\u200cم"
POEM = "床前明月光\n疑是地上霜\n举头望明月\n低头思故乡"
FORM = "name:\tJohn Q. Pub\tage:\t33\t\"ssn\":\t'078-05-1120' c:\\users\\john"
ASTRAL = "\U0001f600 ok \U0001f600 \U00020000\U00020001\U00020002 go \U00020003 on"

WRITINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "JSON": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON in ASCII": json.dumps,
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "JSON of PHP": lambda text: json.dumps(text).replace("/", "\\/"),
    "Python": repr,
    "HTML": html.escape,
    "HTML in ASCII": lambda text: text.encode("ascii", "xmlcharrefreplace").decode(),
    "capitals": str.upper,
    "white space": lambda text: " ".join(text.split()),
    "what can be printed": lambda text: "".join(filter(str.isprintable, text)),
    "other quotation marks": lambda text: text.replace("'", "\u2019").replace('"', "\u201c"),
}


def asked(*documents: str, query: str = "?") -> RerankRequest:
    return RerankRequest(query=query, documents=documents)


@pytest.mark.parametrize(
    "text", [PERSIAN, POEM, FORM, ASTRAL], ids=["zwnj", "poem", "form", "astral"]
)
@pytest.mark.parametrize("writing", WRITINGS)
def test_an_echo_is_recognised_however_it_is_written(text: str, writing: str) -> None:
    """Escapes, case, white space and what cannot be printed hide no document."""
    words = f"bad input: {WRITINGS[writing](text)}"
    assert hear(words, asked(text), "").shown is None


@pytest.mark.parametrize(
    ("words", "document"),
    [
        (
            "input too long: '患者张三，身份证号11010…'",
            "患者张三，身份证号110101199003071234，确诊",
        ),
        ("too long: 张三的身份证…", "患者张三的身份证号，确诊"),
        ("no rank for 张三丰", "张三丰"),
        ("no rank for Rosa Luxemburg!", "Rosa Luxemburg"),
        ("too long: my social security...", "My Social Security Number is 078-05-1120"),
    ],
)
def test_a_part_that_tells_something_is_withheld(words: str, document: str) -> None:
    """A few words, six signs of Chinese, or a short text as a whole are not shown."""
    assert hear(words, asked(document), "").shown is None


@pytest.mark.parametrize(
    "words",
    [
        "当前分组 default 下对于模型 m 无可用渠道",
        "Token amount has been exhausted",
        "index 1 (乙) is too short",
    ],
)
@pytest.mark.parametrize("query", ["?", "负载", "渠道", "a m", "token"])
def test_a_text_that_tells_nothing_is_no_echo(words: str, query: str) -> None:
    """A query or document of a letter or a word takes nothing from the vendor's words."""
    heard = hear(words, asked("a", "b", "乙", query=query), "")
    assert (heard.own, heard.shown) == (words, words)


def test_what_repeats_the_request_is_cut_from_the_vendors_own_words() -> None:
    """The words around an echo stay the vendor's own, and nothing reads over the gap."""
    document = "My card has an insufficient balance,\nand so has the one of my wife."
    heard = hear(f"Bad: {json.dumps(document)} at 7; {document[:40]}... again", asked(document), "")
    assert heard.own == 'Bad: "\n." at 7; \n... again'
    assert heard.shown is None


def test_words_in_common_are_no_echo_that_decides() -> None:
    """Documents that speak of balances and limits leave the vendor its own words about them."""
    words = "Your account is suspended due to insufficient balance, please recharge"
    document = "What is an insufficient balance? How much is it to recharge a phone?"
    assert hear(words, asked(document), "").own == words


def test_a_key_however_short_is_withheld() -> None:
    """A key is told from a text: no length of it may be seen."""
    assert hear("unknown key k1", asked("document"), "k1").shown is None


def test_words_are_heard_at_their_beginning() -> None:
    """What stands behind the first thousand letters decides nothing and costs nothing."""
    assert hear("w" * MOST_HEARD + " rate limit", asked("document"), "").own == "w" * MOST_HEARD
