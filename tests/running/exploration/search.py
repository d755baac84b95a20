"""Visits all states that can be reached by a certain number of moves."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from running.exploration.ledger import Ledger
from running.exploration.moves import Move, moves
from running.exploration.rules import check, check_ends, come_to_an_end, ends
from running.exploration.world import Broken, World


@dataclass(slots=True)
class Search:
    """A search through the states, and its counts.

    Attributes:
        ledger: what is checked.
        ending_depth: up to this many moves from the start, each state is also checked for whether
            all jobs end.
        states: how many different states were visited.
        moves: how many moves were made.
    """

    ledger: Ledger
    ending_depth: int
    states: int = 0
    moves: int = 0
    _left: dict[int, int] = field(default_factory=dict)
    _path: list[str] = field(default_factory=list)

    def go(self, depth: int, opening: Sequence[str] = ()) -> None:
        """Make `depth` moves, in every order.

        Args:
            depth: the number of moves.
            opening: moves that are made before these, beginning with an empty ledger.

        Raises:
            Broken: a rule does not hold; names the moves that led there.
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
