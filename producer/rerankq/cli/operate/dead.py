"""`rerankq dead`: failed jobs and poisoned messages, to be looked at, replayed or purged."""

from collections.abc import Sequence
from typing import Annotated, Final

import orjson
import typer

from rerankq.cli import options
from rerankq.cli.asking import act, ask
from rerankq.cli.batch.waiting_room import Notice
from rerankq.cli.failures import ExitCode
from rerankq.cli.operate.dead_choice import All, Choice, Ids, with_filters
from rerankq.cli.tables import Column, show_table
from rerankq.cli.terminal import put, put_json, tell
from rerankq.cli.times import local_time
from rerankq.client import AsyncRerankClient
from rerankq.contract.status import where_it_is_kept
from rerankq.counting import counted
from rerankq.errors import QueueFull, RerankqError
from rerankq.ledger.dead import PAGE, DeadLetter, Wanted

app = options.group("dead", "Look at failed jobs, replay or purge them.")

PORTION = PAGE
PATIENCE_SECONDS: Final = 60.0
"""How long a full lane may take no replay before the command gives up."""


@app.command("list")
@with_filters
def list_(
    *,
    wanted: Wanted,
    limit: Annotated[int, typer.Option(min=1, help="Show this many at most.")] = 50,
    json: options.AsJsonLines = False,
) -> None:
    """List dead letters, the newest first. With --json, an object a line."""

    async def question(client: AsyncRerankClient) -> tuple[list[DeadLetter], int, set[str]]:
        letters: list[DeadLetter] = []
        async for letter in client.operations.dead.find(wanted):
            letters.append(letter)
            if len(letters) == limit:
                break
        others = set[str]()
        if wanted.reason and not letters:
            others = {letter.reason async for letter in client.operations.dead.find(Wanted())}
        return letters, await client.operations.dead.count(), others

    letters, count, others = ask(question)
    if others and wanted.reason not in others:
        there = ", ".join(sorted(others))
        tell(f"rerankq: no dead letter has the reason {wanted.reason}: there are {there}")
    if json:
        for letter in letters:
            put_json(_json_of(letter))
        return
    if letters:
        show_table(_LISTED, [_listed(each) for each in letters])
    put(f"{len(letters)} of {counted(count, 'dead letter')}" if count else "no dead letters")


@app.command()
def show(*, job_id: options.JobId, json: options.AsJson = False) -> None:
    """Show one dead letter, without the texts of its request.

    The upstream's last answer is shown as it came: it may repeat some of these texts.
    """
    letter = ask(lambda client: client.operations.dead.get(job_id))
    if letter.message:
        # It is the answer to this advice.
        message = letter.message.removesuffix(where_it_is_kept(job_id))
        letter = letter.model_copy(update={"message": message})
    if json:
        put_json(_json_of(letter))
        return
    fields = letter.model_dump(exclude_none=True) | {"failed_at": local_time(letter.failed_at)}
    rows = [(name.replace("_", " "), str(value)) for name, value in fields.items()]
    show_table((Column(style="dim"), Column()), rows, head=False)


@app.command()
@with_filters
def replay(
    *,
    ids: Ids = None,
    every: All = False,
    wanted: Wanted,
    json: options.AsJsonLines = False,
) -> None:
    """Submit failed jobs again, as new jobs. Prints old and new ids.

    A letter whose payload is gone, or that this version cannot read, is named and skipped.

    While a lane is full the command waits; it gives up when the lane takes no job for a minute.

    Exit code: 0 all were replayed; 1 some could not be, or are not known; 2 bad set-up, or a full
    lane.
    """
    chosen = Choice(ids, wanted, every=every)

    async def question(client: AsyncRerankClient) -> tuple[int, int]:
        count = skipped = 0
        notice = Notice(lambda said: tell(f"rerankq: {said}"))
        for portion in _portions(await chosen.ids(client)):
            replays = await client.operations.dead.replays(portion)
            ids, refusal = await client.operations.replays.offer(
                [job for _, job in replays.jobs], patience=PATIENCE_SECONDS, held_up=notice
            )
            done = [(old, job) for old, job in replays.jobs if job.id in set(ids)]
            # Only now: if the process ends before this, a repeated replay finds its job accepted.
            await client.operations.dead.forget([old for old, _ in done])
            for old, job in done:
                _show_replay(old, job.id, json=json)
            if refusal:
                raise _held_up(refusal, count + len(done))
            for job_id in replays.unreadable:
                tell(f"rerankq: {job_id} was skipped: its payload is gone or cannot be read")
            count += len(done)
            skipped += len(replays.unreadable)
        return count, skipped

    count, skipped = act("dead.replay", chosen.shown, question)
    if not json:
        put(f"{counted(count, 'job')} replayed")
    if skipped:
        tell(
            f"rerankq: {counted(skipped, 'dead letter')} skipped: purge what cannot be read, or "
            "replay it with another version of rerankq"
        )
        raise typer.Exit(ExitCode.NO_RANKING)


@app.command()
@with_filters
def purge(
    *,
    ids: Ids = None,
    every: All = False,
    wanted: Wanted,
) -> None:
    """Delete dead letters and their payloads. Their status stays until its retention ends."""
    chosen = Choice(ids, wanted, every=every)

    async def question(client: AsyncRerankClient) -> int:
        found = await chosen.ids(client)
        for portion in _portions(found):
            await client.operations.dead.forget(portion)
        return len(found)

    purged = act("dead.purge", chosen.shown, question)
    put(f"{counted(purged, 'dead letter')} purged")


@app.command()
def poison(
    *,
    content: Annotated[
        bool, typer.Option("--content", help="Show the messages' content: it may be private.")
    ] = False,
    clear: Annotated[bool, typer.Option("--purge", help="Delete the messages kept.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Show this many at most.")] = 20,
) -> None:
    """Show the messages that workers put aside because they were no hints.

    A hint is a message on a queue that tells workers of new jobs. Other messages on such a queue
    are counted here by their fault, and the last ones are kept.
    """
    if clear:
        purged = act("poison.purge", "", lambda client: client.operations.quarantine.purge())
        put(f"{counted(purged, 'message')} purged")
        return
    counts = ask(lambda client: client.operations.quarantine.counts())
    if not counts:
        put("no message was put aside")
    for fault, count in sorted(counts.items()):
        put(f"{fault}: {count} in all")
    for message in ask(lambda client: client.operations.quarantine.messages(limit)):
        held = f": {message.content}" if content else ""
        put(f"{message.queue}  {message.fault}  {message.size} bytes{held}")


# Id and reason first: a narrow terminal wraps the columns after them.
_LISTED: Final = (
    *(Column("id", whole=True), Column("reason", whole=True), Column("failed")),
    *(Column("attempts", right=True), Column("model"), Column("custom id")),
)


def _listed(letter: DeadLetter) -> tuple[str, ...]:
    failed = local_time(letter.failed_at, offset=False)
    return (
        *(letter.id, letter.reason, failed, str(letter.attempts)),
        *(letter.model or "", letter.custom_id or ""),
    )


def _json_of(letter: DeadLetter) -> bytes:
    fields = orjson.loads(letter.encode())
    return orjson.dumps({"job_id": fields.pop("id")} | fields)


def _show_replay(old: str, new: str, *, json: bool) -> None:
    if json:
        put_json(orjson.dumps({"job_id": old, "replay": new}))
    else:
        put(f"{old} -> {new}")


def _held_up(refusal: RerankqError, count: int) -> RerankqError:
    if not isinstance(refusal, QueueFull):
        return refusal
    return QueueFull(
        f"the lane has been full for {PATIENCE_SECONDS:g} s: {counted(count, 'job')} replayed, the "
        "other letters are kept; add workers, then replay again"
    )


def _portions(ids: Sequence[str]) -> list[list[str]]:
    return [list(ids[start : start + PORTION]) for start in range(0, len(ids), PORTION)]
