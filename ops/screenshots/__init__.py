"""Makes the pictures of the documentation from a real run against the sandbox."""
