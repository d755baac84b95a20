"""What jobs cost: tokens, counted before they are sent, and money.

tokens    how many tokens a call costs, estimated
counters  exact, estimated, or by a model's characters a token
passages  cuts a long text into parts that fit
qwen3     the exact counts of Qwen3, by an extra
prefixes  how much of a text has so many tokens
sampling  exact tokens of many jobs from a random sample
pairs     how many different pairs a file has
prices    what models cost: a dated table, and a user's own
budget    what the jobs of a batch or a tenant may cost together
duration  how long calls take at given limits
plan      what a file of jobs is made of, and what it will cost
"""
