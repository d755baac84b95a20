"""A small Redis in this process: its data, the commands that our scripts use, and their Lua.

keyspace.py  the data, which can be copied and compared
commands.py  what each command does to it
lua.py       runs a script in the Lua version of Redis
store.py     replaces the real store

`tests/integration/ledger/test_small_redis.py` compares it with the real one.
"""
