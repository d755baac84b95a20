"""Tries every order of calls to the ledger, up to a certain depth, and checks each state.

world.py   a state: the ledger's data, and what workers, clients and Celery's queues know
ledger.py  the ledger's parts, working on the data of one state
calls.py   the calls whose answers may be lost, and what their callers do with the answers
moves.py   what can happen next in a state, and the state that follows
rules.py   what must hold in each state, and from one to the next
search.py  visits all states
"""
