"""What is usually done about limits with Celery alone."""
