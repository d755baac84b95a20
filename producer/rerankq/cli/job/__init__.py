"""One job: submit, status, result, cancel; and how a ranking is shown."""
