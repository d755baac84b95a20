"""What one would pick instead: one tool a file, its virtualenv in the `.txt` beside it."""
