"""Counters of tokens: which one a model gets, and what they count."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerankq.cost import counters
from rerankq.cost.counters import CharactersEach, Estimate, ExactQwen3, counter, counter_for
from rerankq.errors import MissingExtra, SettingsError


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("Hello, world!", 4),
        ("预防感冒", 2),
        ("2024", 4),
        ("<|im_start|>", 1),
        ("e\u0301", 1),
        ("😀", 1),
        ("\ud800", 1),
    ],
)
def test_qwen3_is_counted_exactly(text: str, tokens: int) -> None:
    """As the tokenizer of the model card does; composed and decomposed letters count the same."""
    assert ExactQwen3().count([text]) == [tokens]


@given(st.lists(st.text(max_size=40), max_size=5))
def test_each_text_is_counted_by_itself(texts: list[str]) -> None:
    """A text has the same count in any company."""
    assert ExactQwen3().count(texts) == [ExactQwen3().count([text])[0] for text in texts]


def test_the_estimate_is_near_the_count_of_many_texts() -> None:
    """Of prose in both languages it is within a tenth."""
    texts = [
        "预防感冒应勤洗手、戴口罩、保持室内通风、适当锻炼身体。",
        "Wash your hands often, keep the rooms aired, and take exercise every day.",
        "Python 3.11 changed how exceptions are printed, with arrows under the code at fault.",
    ] * 3
    assert sum(Estimate().count(texts)) == pytest.approx(sum(ExactQwen3().count(texts)), rel=0.1)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("qwen3-reranker-8b", ExactQwen3()),
        ("Qwen/Qwen3-Reranker-0.6B", ExactQwen3()),
        ("jina-reranker-v2", Estimate()),
        ("qwen2-reranker", Estimate()),
    ],
)
def test_a_model_gets_the_best_counter(model: str, expected: object) -> None:
    """Exact for Qwen3 under any vendor's name, else the estimate."""
    assert counter_for(model) == expected


def test_without_the_extra_it_is_estimated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks for exact counts by name is told what to install."""
    monkeypatch.setattr(counters, "find_spec", lambda _: None)
    assert counter_for("qwen3-reranker-8b") == Estimate()
    with pytest.raises(MissingExtra, match=r"needs an extra: pip install \"\.\[tokens\]\""):
        counter("qwen3")


def test_counters_have_names() -> None:
    """A number is so many characters a token; a part of a token counts as one."""
    assert [counter(each).name for each in ("qwen3", "estimate", "3.5")] == [
        *("qwen3", "estimate", "3.5")
    ]
    assert counter("4").count(["", "abcd", "abcde"]) == [0, 1, 2]
    assert CharactersEach(4.0) == counter("4")


@pytest.mark.parametrize("name", ["", "gpt", "0", "-1", "nan", "1000"])
def test_an_unknown_counter_is_refused(name: str) -> None:
    """The message says what there is."""
    with pytest.raises(SettingsError, match="known are qwen3, estimate, and a number of char"):
        counter(name)


def test_the_vocabulary_is_loaded_when_it_is_needed() -> None:
    """Who imports the module, or asks for a counter, pays nothing."""
    code = (
        "import sys; from rerankq.cost.counters import counter_for; "
        "counter_for('qwen3-reranker-8b'); sys.exit('tiktoken' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
