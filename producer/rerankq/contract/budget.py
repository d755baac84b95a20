"""What the jobs of a batch or a tenant may cost together, and what they have cost."""

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field, StrictBool

from rerankq.contract.message import Message

BUDGET: Final = re.compile(r"([0-9]{1,15})(\.[0-9]{1,9})?(?: ?(tokens|[A-Z]{3}))?", re.ASCII)
"""An amount, its fraction, and its unit."""
BUDGET_FORM: Final = "must be tokens, such as 5000000, or money, such as 12.50 USD"


def _is_a_budget(text: str) -> str:
    if not BUDGET.fullmatch(text):
        raise ValueError(BUDGET_FORM)
    return text


BudgetText = Annotated[str, AfterValidator(_is_a_budget)]
"""Tokens, such as `5000000`, or money, such as `12.50 USD`."""


class BudgetUse(Message):
    """How a budget stands, in tokens or in units of a currency."""

    unit: str = Field(description="`tokens`, or a currency's three letters.")
    limit: float | None = Field(default=None, description="None when it was lifted.")
    reserved: float = Field(description="For jobs that have not ended, as they were estimated.")
    spent: float = Field(description="By jobs that have ended.")
    exhausted: StrictBool = Field(
        default=False, description="Whether the job that was submitted last did not fit in."
    )
