"""Commands for one job: submit, status, result, cancel; and tables of rankings."""
