"""What all workers know together of an account upstream: its limits, permits and breakers.

accounts     permits, in lots: what workers report and what they get
breakers     the circuit breakers that all workers share
score_turns  which worker checks the scores of a model next
scripts      the scripts as typed functions
lua/         the scripts: `allot` gives permits, `trip` and `probe` are for breakers
"""
