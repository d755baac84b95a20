"""A setting of a site that may differ from model to model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Value = TypeVar("Value")


# Without slots: in Python 3.11 these and `frozen` do not go together with a generic class.
@dataclass(frozen=True)
class OfModels(Generic[Value]):
    """What a site declares of its models.

    Attributes:
        site: of all its models; None if it is not declared.
        models: of single models, by the site's names for them.
    """

    site: Value | None = None
    models: Mapping[str, Value] = field(default_factory=dict)

    def of(self, model: str) -> Value | None:
        """What is declared of a model; None if nothing is.

        Args:
            model: the site's name for it.
        """
        return self.models.get(model, self.site)
