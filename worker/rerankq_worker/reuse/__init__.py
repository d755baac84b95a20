"""Scores of pairs that were paid for before: found, used and kept (docs/reuse.md).

score_reuse   what jobs use of it
known_scores  what is known of the pairs of one request, and what a call has to add
sources       what gives scores: site, model and options
pair_keys     the hashes that name pairs
flights       calls under way: equal pairs are asked for once
lookups       finds scores in Redis, for many jobs at once
writer        stores new scores, after the jobs' results
"""
