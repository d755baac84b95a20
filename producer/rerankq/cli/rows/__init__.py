"""What a user gets: a row for each job, in the order of the input.

rows            an ended job as a line of JSON
ordered_output  writes rows in order
spool           rows that wait for their turn, in memory, then on disk
tally           how many rows there are of each kind
blocking_call   writes without holding the event loop up
"""
