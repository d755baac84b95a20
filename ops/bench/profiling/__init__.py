"""Where processor time goes, as flame graphs: the worker, the client, and Redis."""
