import logging

from celery.worker.consumer import consumer
from redis.exceptions import ConnectionError as NotConnected

from rerankq.events import BrokerLost, BrokerRecovered, Event, Events
from rerankq_worker.consumer.connection_watch import ConnectionWatch

ADDRESS = "redis://127.0.0.1:6379/0"


def record(line: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord(consumer.__name__, logging.ERROR, "", 0, line, arguments, None)


def celery_text(name: str) -> str:
    """One of its texts, which its type stubs do not name."""
    return str(vars(consumer)[name])


def test_the_loss_of_the_connection_is_told_in_our_words() -> None:
    """Celery's lines about a lost connection are not logged; what they say is told, and its end."""
    events, told = Events(), list[Event]()
    events.listen(told.append, Event)
    watch = ConnectionWatch(events, ADDRESS)
    watch.connected()
    assert told == []
    error = NotConnected("Error 111 connecting to 127.0.0.1:6379. Connection refused.")
    lost = record("%s (%r)", celery_text("CONNECTION_RETRY"), error)
    tried = record(
        celery_text("CONNECTION_ERROR"), ADDRESS, error, "Trying again in 2.00 s... (1/None)"
    )
    assert not watch.filter(lost)
    assert not watch.filter(tried)
    reason = f"Redis at {ADDRESS} cannot be reached: start it, or set RERANKQ_REDIS_URL"
    assert told == 2 * [BrokerLost(message=reason)]
    watch.connected()
    watch.connected()
    assert [type(each) for each in told[2:]] == [BrokerRecovered]


def test_other_lines_of_celery_are_logged() -> None:
    """Only the two lines about the connection are kept back."""
    watch = ConnectionWatch(Events(), ADDRESS)
    assert watch.filter(record("%s", "a warning"))
    assert watch.filter(record("Received and deleted unknown message"))
