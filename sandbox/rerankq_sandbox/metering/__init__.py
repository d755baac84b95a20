"""What an account may ask for, and what it has asked for.

```
accounts.py   which key belongs to which account
limits.py     what can be limited
window.py     amounts of the last seconds      bucket.py    so many a second, and a burst
account.py    one account against its limits   limiter.py   all accounts
refusals.py   the answer over a limit, and the headers that tell how much is left
```
"""
