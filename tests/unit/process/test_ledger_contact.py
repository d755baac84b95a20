from rerankq.events import Events, LedgerCallFailed, LedgerOperation, LedgerRecovered
from rerankq_worker.process.ledger_contact import LedgerContact


def test_a_recovery_is_told_once_and_only_after_a_failure() -> None:
    """A worker has several stores: the first that works again tells it, if any failure was told."""
    events, told = Events(), list[LedgerRecovered]()
    contact = LedgerContact(events)
    events.listen(told.append, LedgerRecovered)
    contact.recovered(1.0)
    assert told == []
    for _ in range(2):
        events.tell(LedgerCallFailed(operation=LedgerOperation.CLAIM, message="no answer"))
    contact.recovered(2.0)
    contact.recovered(3.0)
    assert told == [LedgerRecovered(seconds=2.0)]
    events.tell(LedgerCallFailed(operation=LedgerOperation.CLAIM, message="no answer"))
    contact.recovered(4.0)
    assert told[1:] == [LedgerRecovered(seconds=4.0)]
