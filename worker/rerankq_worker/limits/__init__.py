"""Limits that all workers keep together: permits are fetched in lots and taken locally.

permit      one of them, and what waits for them
permits     those of one account that this worker has at hand
account_status  what was heard last of an account
recent_use  how many it used lately, and so wants next
exchange    fetches them, and tells Redis what became of the last ones
closures    what is closed, and when it may be probed
culprits    whether one model fails while others are answered
ways        an account and a key of a site, and which of them could take a request
gates       which routes are closed to a job, and which job may find out whether they still are
routes      which account and key a job is sent by, and who waits for what
isolation   whether this worker alone is not answered by an upstream
reach       takes an upstream back into use from which this worker was cut off
crowds      which jobs are sent back, so that those of other accounts find room
rankings    what is known of the rankings that an account gave
suspicions  which keys are refused here in a row, and whose fault that is
key_verdicts  what a refusal of a key means
circuit_changes  closes circuits for all workers, and opens them
passage     one call by a route: what its answer means for key, model and account
"""
