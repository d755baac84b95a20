"""Why jobs wait.

reasons    the reasons, in words, from what is known
why        reads what is known of a job, a batch and the upstream
forecast   how long a job would wait that is submitted now
forecasts  keeps a forecast at hand for the calls that ask for it
quotas     whether a tenant's quotas or its share hold up its jobs
"""
