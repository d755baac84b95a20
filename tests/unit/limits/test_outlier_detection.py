"""When a single model is at fault, and not the whole account."""

from rerankq_worker.limits.outlier_detection import KEPT_SECONDS, MOST_MODELS, OutlierDetection
from running.fake_limits import Clock


def blamed(
    outliers: OutlierDetection, model: str = "bad", *, account: str = "a", times: int = 5
) -> bool:
    """Whether a model is blamed after it has failed `times` times."""
    return [outliers.failed(account, model, 1.0) for _ in range(times)][-1]


def test_no_model_is_blamed_until_another_is_answered(clock: Clock) -> None:
    """A failing model may mean an outage; only an answer to another model tells them apart."""
    del clock
    outliers = OutlierDetection()
    assert not blamed(outliers, times=50)
    outliers.answered("a", "good")
    assert blamed(outliers, times=1)


def test_few_failures_blame_no_model(clock: Clock) -> None:
    """Four failures in a row may be chance, five are not."""
    del clock
    outliers = OutlierDetection()
    outliers.failed("a", "bad", 1.0)
    outliers.answered("a", "good")
    assert not blamed(outliers, times=3)
    assert blamed(outliers, times=1)


def test_answer_from_before_the_failures_does_not_count(clock: Clock) -> None:
    """An answer from before the first failure does not show that the upstream is well now."""
    del clock
    outliers = OutlierDetection()
    outliers.answered("a", "good")
    assert not blamed(outliers, times=10)


def test_answer_of_long_ago_does_not_count(clock: Clock) -> None:
    """An answer to another model counts for a minute: later the whole upstream may be out."""
    outliers = OutlierDetection()
    blamed(outliers, times=5)
    outliers.answered("a", "good")
    for _ in range(3):
        assert blamed(outliers, times=1)
        clock.now += KEPT_SECONDS / 2 - 1
    assert not blamed(outliers, times=1)


def test_answer_clears_its_model(clock: Clock) -> None:
    """A model that is answered now and then is not out."""
    del clock
    outliers = OutlierDetection()
    blamed(outliers)
    outliers.answered("a", "good")
    outliers.answered("a", "bad")
    assert not outliers.is_suspected("a", "bad")
    assert not blamed(outliers, times=4)


def test_accounts_do_not_affect_each_other(clock: Clock) -> None:
    """Answers of one account say nothing about a model at another account."""
    del clock
    outliers = OutlierDetection()
    blamed(outliers)
    outliers.answered("b", "good")
    assert not blamed(outliers, times=1)
    assert (outliers.is_suspected("a"), outliers.is_suspected("b")) == (True, False)


def test_old_failures_are_forgotten(clock: Clock) -> None:
    """A minute without a failure clears a model."""
    outliers = OutlierDetection()
    blamed(outliers, times=4)
    outliers.answered("a", "good")
    assert outliers.is_suspected("a", "bad")
    clock.now += KEPT_SECONDS + 1
    assert not outliers.is_suspected("a", "bad")
    assert not blamed(outliers, times=4)


def test_made_up_models_do_not_pile_up(clock: Clock) -> None:
    """Only the last hundred models that failed are remembered."""
    del clock
    outliers = OutlierDetection()
    for number in range(MOST_MODELS + 1):
        outliers.failed("a", f"m{number}", 1.0)
    assert not outliers.is_suspected("a", "m0")
    assert outliers.is_suspected("a", "m1")
