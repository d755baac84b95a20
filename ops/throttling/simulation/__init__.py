"""Many workers on one account, in virtual time.

The script in Redis, the permits and their exchange are the real ones. Redis itself, the upstream
and the clock are models. So minutes of a thousand workers take seconds here, and each run is the
same.

```
loop.py      an event loop whose time passes only when no task can run
script.py    runs the scripts, on `running.small_redis`
upstream.py  limits of all kinds, and a latency              worker.py   always has work waiting
fleet.py     all of it together                              outcome.py  the result
scenarios.py the cases by which the limiter is tuned; `python -m throttling.simulation` runs them
```
"""
