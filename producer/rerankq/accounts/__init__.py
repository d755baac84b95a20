"""What all workers know together of an account upstream: its limits, permits and breakers."""
