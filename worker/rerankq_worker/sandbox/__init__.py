"""The stand-in upstream: a real HTTP server with the contract of the rerank endpoint.

It gives sensible scores without a key and without a network, and plays every fault on request, so
that the rest of the project can be tried and tested against something that behaves like a gateway.

```
server.py       start, listen, stop              actions.py    the faults that exist
config.py       what can be set                  faults.py     when a fault happens: by chance
endpoint.py     one call, from key to answer     rules.py      when a fault happens: by rule
contract.py     a call and its ranking           scenario.py   what happens at which second
dialects/       how vendors ask and answer       timeline.py   playing that
request_id.py   the id that every answer has     metering/     accounts and their limits
errors.py       a refusal                        spoil.py      faults in the answer's content
shapes.py       how vendors write one            delivery.py   faults on the wire
error_table.py  the refusals there are, by name  latency.py    how long an answer takes
scoring.py      which scorer answers             journal.py    who called, and how it ended
bigram.py       by shared characters             tally.py      how many did
semantic.py     by meaning and characters        admin.py      /_sandbox/: all that, at run time
hashed.py       by nothing, for load tests       complaint.py  what is wrong with what was sent
```

A call meets, in this order: an outage, the key check, its account's limits, and then one fault at
most: its own directive's, else a rule's, else the scenario's, else one by chance.
"""

from rerankq_worker.sandbox.config import SandboxConfig
from rerankq_worker.sandbox.scoring import ScorerUnavailableError
from rerankq_worker.sandbox.server import main_run, serve

__all__ = ["SandboxConfig", "ScorerUnavailableError", "main_run", "serve"]
