"""The stand-in upstream: a real HTTP server with the contract of the rerank endpoint.

It gives sensible scores without a key and without a network, and plays every fault on request, so
that the rest of the project can be tried and tested against something that behaves like a gateway.

```
server.py     start, listen, stop               actions.py    the faults that exist
config.py     what can be set                   faults.py     when a fault happens: by chance
endpoint.py   one call, from key to answer      rules.py      when a fault happens: by rule
contract.py   request and answer                spoil.py      faults in the answer's content
errors.py     refusals in the gateway's words   delivery.py   faults on the wire
request_id.py the id that every answer carries
scoring.py    which scorer answers              latency.py    how long an answer takes
bigram.py     by shared characters              journal.py    who called, and how it ended
semantic.py   by meaning and characters         admin.py      /_sandbox/: faults, log, stats
```
"""

from rerankq_worker.sandbox.config import SandboxConfig
from rerankq_worker.sandbox.scoring import ScorerUnavailableError
from rerankq_worker.sandbox.server import main_run, serve

__all__ = ["SandboxConfig", "ScorerUnavailableError", "main_run", "serve"]
