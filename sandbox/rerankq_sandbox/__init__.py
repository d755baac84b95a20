"""The stand-in upstream: a real HTTP server with the contract of the rerank endpoint.

It gives sensible scores without a key and without a network, and produces any fault on request, so
that the rest of the project can be tried and tested against something that behaves like a gateway.

server        start, serve, stop
command       `rerankq sandbox`
door          the port, open or not
config        what can be set
endpoint      one call, from key to answer
contract      a call and its ranking
dialects/     the vendors' formats
metering/     accounts and their limits
request_id    the id of every answer
errors        a refusal
shapes        the bodies of refusals
error_table   known refusals, by name

scoring       chooses the scorer
bigram        scores by shared characters
semantic      scores by meaning as well
hashed        scores for load tests

actions       the faults that exist
faults        when a fault happens: by chance
rules         when a fault happens: by rule
scenario      what happens at which second
timeline      plays a scenario
spoil         faults in the answer's content
delivery      faults on the wire
latency       how long an answer takes

journal       records each call and its end
tally         counts calls
admin         `/_sandbox/`: settings at run time
admin_access  who may use it
complaint     describes invalid input

For each call these are checked in this order: an outage, the key, the account's limits, and then at
most one fault: of the call's own directive, else of a rule, else of the scenario, else by chance.
"""

from rerankq_sandbox.config import SandboxConfig
from rerankq_sandbox.scoring import ScorerUnavailableError
from rerankq_sandbox.server import main_run, serve

__all__ = ["SandboxConfig", "ScorerUnavailableError", "main_run", "serve"]
