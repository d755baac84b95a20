"""Limits that all workers keep together: permits are fetched in lots and taken locally.

permit             one permit, and what waits for permits
permits            the permits of one account that this worker holds
call_spacing       the distance between the calls to an account
account_status     what the last exchange told about an account
reports            what is reported of an account to Redis, until Redis has it
recent_use         how many permits it used lately, and so how many it asks for next
exchange           fetches permits from Redis, and reports what happened to the last ones
route              an account and a key of a site, and which routes could take a request
destinations       where a job goes that is too large for one call
route_choice       the first route of a call that is usable and has a permit
routes             reserves a route for each call, and keeps the queue of jobs that wait
breaker_view       which breakers are open, and when each may be probed
breakers           which routes are blocked for a job, and which job probes them
breaker_changes    opens and closes breakers for all workers
outlier_detection  whether one model fails while the account's other models are answered
isolation          whether this worker is the only one that an upstream does not answer
reach              takes an account back into use when this worker is answered again
crowds             sends jobs of a busy account back, so that jobs of other accounts can run
score_checks       checks now and then that the scores of each model make sense
ranked_models      the models that gave rankings, whose scores are checked
prefix_order       calls of one query go one after the other
waiting_line       the line of calls that wait for permits
waiter             a call that waits for a route
rankings           what is known of the rankings that an account gave
malformed_share    the share of answers that were malformed
suspicions         which keys were refused here several times in a row, and who is at fault
key_verdicts       what the refusal of a key means
guarded_call       one call by a route, and what its answer means for key, model and account
"""
