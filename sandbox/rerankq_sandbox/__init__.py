"""The stand-in upstream: a real HTTP server with the contract of the rerank endpoint.

It gives sensible scores without a key and without a network, and produces any fault on request, so
that the rest of the project can be tried and tested against something that behaves like a gateway.

```
server.py       start, serve, stop               actions.py    the faults that exist
door.py         the port, open or not            faults.py     when a fault happens: by chance
config.py       what can be set                  rules.py      when a fault happens: by rule
endpoint.py     one call, from key to answer     scenario.py   what happens at which second
contract.py     a call and its ranking           timeline.py   plays a scenario
dialects/       the vendors' formats             metering/     accounts and their limits
request_id.py   the id of every answer           spoil.py      faults in the answer's content
errors.py       a refusal                        delivery.py   faults on the wire
shapes.py       the bodies of refusals           latency.py    how long an answer takes
error_table.py  known refusals, by name          journal.py    records each call and its end
scoring.py      chooses the scorer               tally.py      counts calls
bigram.py       scores by shared characters      admin.py      /_sandbox/: settings at run time
semantic.py     scores by meaning as well        admin_access.py  who may use it
hashed.py       scores for load tests            complaint.py  describes invalid input
```

For each call these are checked in this order: an outage, the key, the account's limits, and then at
most one fault: of the call's own directive, else of a rule, else of the scenario, else by chance.
"""

from rerankq_sandbox.config import SandboxConfig
from rerankq_sandbox.scoring import ScorerUnavailableError
from rerankq_sandbox.server import main_run, serve

__all__ = ["SandboxConfig", "ScorerUnavailableError", "main_run", "serve"]
