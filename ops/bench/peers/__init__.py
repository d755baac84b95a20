"""The other queues: a file for each tool, and beside it a `.txt` with what its virtualenv needs."""
