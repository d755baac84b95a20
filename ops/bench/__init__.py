"""What a job costs: rerankq compared with a bare loop of the same calls, and with other queues."""
