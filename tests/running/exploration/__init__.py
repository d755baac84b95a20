"""Plays every order of calls to the ledger, to some depth, and looks at each state on the way.

world.py   a state: the ledger's data, and what workers, clients and Celery's queues know
ledger.py  the ledger's parts, on the data of one state after the other
calls.py   the calls whose answers may be lost, and what their callers make of the answers
moves.py   what can happen next in a state, and what it leads to
rules.py   what must hold in each state, and from one to the next
search.py  goes through all of them
"""
