"""What an operator reads in a worker's log.

banner       the lines at a worker's start
event_log    a line for each event that an operator should see
state_log    the same for changes of state: breakers, limits, models
listeners    adds the operator's own listeners, which a setting names
activity     counts what happens
summary      a line each minute with these counts
metrics      metrics for Prometheus, when they are on
"""
