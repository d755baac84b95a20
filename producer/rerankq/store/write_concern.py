"""What a promise of the ledger must have reached before it is given: memory, disk, or replicas."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Durability(StrEnum):
    """Where a promise must be, before it is given."""

    MEMORY = "memory"
    DISK = "disk"
    REPLICA = "replica"


@dataclass(frozen=True, slots=True)
class WriteConcern:
    """What promises of the ledger must survive.

    Attributes:
        durability: `memory`: nothing is waited for; `disk`: the primary's disk has it; `replica`:
            so many replicas have it in their memory.
        replicas: how many, for `replica`.
    """

    durability: Durability = Durability.MEMORY
    replicas: int = 1


IN_MEMORY: Final = WriteConcern()
