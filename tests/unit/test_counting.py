import pytest

from rerankq.counting import counted


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 jobs"), (1, "1 job"), (2, "2 jobs"), (1024, "1,024 jobs")]
)
def test_one_is_singular(count: int, said: str) -> None:
    """A noun is in the plural, except after 1."""
    assert counted(count, "job") == said
