"""Goes through all states that some number of moves lead to."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from running.exploration.ledger import Ledger
from running.exploration.moves import Move, moves
from running.exploration.rules import check, check_ends, come_to_an_end, ends
from running.exploration.world import Broken, World


@dataclass(slots=True)
class Search:
    """What was gone through.

    Attributes:
        ledger: what is looked at.
        ending_depth: in states up to so many moves from the start, it is tried too whether all
            jobs come to an end.
        states: how many different states were met.
        moves: how many moves were made.
    """

    ledger: Ledger
    ending_depth: int
    states: int = 0
    moves: int = 0
    _left: dict[int, int] = field(default_factory=dict)
    _path: list[str] = field(default_factory=list)

    def go(self, depth: int, opening: Sequence[str] = ()) -> None:
        """Go that many moves far, in every order.

        Args:
            depth: how far.
            opening: the moves that are made before; from an empty ledger without.

        Raises:
            Broken: a rule does not hold; says which moves led there.
        """
        self.ledger.open()
        self._open(World(self.ledger.data), depth, opening)

    def _open(self, world: World, depth: int, opening: Sequence[str]) -> None:
        if not opening:
            self._visit(world, depth)
            return
        self.ledger.data = world.data
        (move,) = (move for move in moves(self.ledger, world) if move.name == opening[0])
        with self._taking(move.name):
            self._open(self._made(move, world), depth, opening[1:])

    def _visit(self, world: World, left: int) -> None:
        mark = world.fingerprint()
        known = self._left.get(mark, -1)
        if known >= left:
            return
        self._left[mark] = left
        self.ledger.data = world.data
        if known < 0:
            self.states += 1
            check(self.ledger, world)
            self._look_ahead(world)
        if left:
            before = ends(self.ledger)
            for move in [*moves(self.ledger, world)]:
                with self._taking(move.name):
                    after = self._made(move, world)
                    check_ends(before, ends(self.ledger))
                    self._visit(after, left - 1)

    def _made(self, move: Move, world: World) -> World:
        self.moves += 1
        self.ledger.data = world.data.copy()
        return move.carry_out(self.ledger, world).changed(data=self.ledger.data)

    def _look_ahead(self, world: World) -> None:
        if len(self._path) <= self.ending_depth:
            for is_busy in (False, True):
                self.ledger.data = world.data.copy()
                lane = "a busy lane" if is_busy else "an idle lane"
                with self._taking(f"all workers but one are gone, in {lane}"):
                    come_to_an_end(self.ledger, world, is_busy=is_busy)
            self.ledger.data = world.data

    @contextmanager
    def _taking(self, name: str) -> Iterator[None]:
        self._path.append(name)
        try:
            yield
        except Broken as broken:
            if not broken.path:
                broken.path = tuple(self._path)
            raise
        finally:
            self._path.pop()
