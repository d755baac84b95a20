"""The stand-in upstream: a real HTTP server with the contract of the rerank endpoint.

It gives sensible scores without a key and without a network, and plays every fault on request, so
that the rest of the project can be tried and tested against something that behaves like a gateway.

```
server.py       start, serve, stop               actions.py    the faults that exist
door.py         the port, open or not            faults.py     when a fault happens: by chance
config.py       what can be set                  rules.py      when a fault happens: by rule
endpoint.py     one call, from key to answer     scenario.py   what happens at which second
contract.py     a call and its ranking           timeline.py   playing that
dialects/       how vendors ask and answer       metering/     accounts and their limits
request_id.py   the id that every answer has     spoil.py      faults in the answer's content
errors.py       a refusal                        delivery.py   faults on the wire
shapes.py       how vendors write one            latency.py    how long an answer takes
error_table.py  the refusals there are, by name  journal.py    who called, and how it ended
scoring.py      which scorer answers             tally.py      how many did
bigram.py       by shared characters             admin.py      /_sandbox/: all that, at run time
semantic.py     by meaning and characters        admin_access.py  by whom
hashed.py       by nothing, for load tests       complaint.py  what is wrong with what was sent
```

A call meets, in this order: an outage, the key check, its account's limits, and then one fault at
most: its own directive's, else a rule's, else the scenario's, else one by chance.
"""

from rerankq_sandbox.config import SandboxConfig
from rerankq_sandbox.scoring import ScorerUnavailableError
from rerankq_sandbox.server import main_run, serve

__all__ = ["SandboxConfig", "ScorerUnavailableError", "main_run", "serve"]
