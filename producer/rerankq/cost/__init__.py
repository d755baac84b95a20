"""What jobs cost: tokens, counted before they are sent, and money.

tokens  how many tokens a call costs, estimated
prices  what models cost: a dated table, and a user's own
"""
