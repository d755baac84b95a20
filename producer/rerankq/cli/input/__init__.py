"""What a user hands in: bytes of a file or a pipe, then lines, then jobs.

files          opens what is read and written
formats        what a file is, by its first bytes
decompression  gzip and zstd
reading_ahead  reads in a thread while others work
lines          bytes to lines
drafts         a line to a job
"""
