"""What a job costs: rerankq beside a bare loop of the same HTTP client, and beside its peers."""
