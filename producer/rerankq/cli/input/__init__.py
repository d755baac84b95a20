"""The user's input: bytes of a file or a pipe, then lines or rows, then jobs.

opening        opens an input of jobs, in any format
job_input      what every format gives to a run
files          opens input and output
identity       which file an input is, by its content
formats        recognises formats by the first bytes
decompression  gzip and Zstandard
reading_ahead  a look at the next bytes before they are read
lines          splits bytes into lines
job_lines      makes a job of a line
passages       names that data sets have for ids and texts
parquet        tables, and jobs of their rows
trec           runs, and jobs of their queries
"""
