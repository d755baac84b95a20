"""The limits of accounts, and what accounts have used.

accounts  which key belongs to which account
account   one account and its limits
limiter   all accounts
limits    what can be limited
window    a sliding window
peak      the fullest window so far
bucket    a token bucket: a rate and a burst
refusals  the answer over a limit, and the headers that tell how much is left
"""
