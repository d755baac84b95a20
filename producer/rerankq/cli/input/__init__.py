"""The user's input: bytes of a file or a pipe, then lines, then jobs.

files          opens input and output
formats        recognises formats by the first bytes
decompression  gzip and Zstandard
reading_ahead  a look at the next bytes before they are read
lines          splits bytes into lines
job_lines      makes a job of a line
"""
