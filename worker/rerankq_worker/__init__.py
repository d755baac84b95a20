"""The worker half of rerankq: it takes hints from Celery and calls the upstream for their jobs."""
