"""The worker half of rerankq: Celery glue, provider, policies and the stand-in upstream."""
