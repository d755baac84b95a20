"""The limits of accounts, and what accounts have used.

```
accounts.py   which key belongs to which account
limits.py     what can be limited
window.py     a sliding window                 bucket.py    a token bucket: a rate and a burst
account.py    one account and its limits       limiter.py   all accounts
refusals.py   the answer over a limit, and the headers that tell how much is left
```
"""
