"""Why jobs wait.

reasons  the reasons, in words, from what is known
why      reads what is known of a job, a batch and the upstream
"""
