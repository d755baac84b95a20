"""The output: a row for each line of input, in the same order.

rows               an ended job as a line of JSON
ordered_output     writes rows in order
spool              rows that wait for earlier ones, in memory, then on disk
tally              how many rows there are of each kind
output             what every format of output takes
compressed_output  output in gzip or Zstandard
parquet_output     output as a table
parquet_schema     the columns of that table
trec_output         output as a TREC run
blocking_call      writes without blocking the event loop
"""
