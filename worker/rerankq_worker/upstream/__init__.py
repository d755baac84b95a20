"""What jobs see of an upstream, and which upstreams there are.

port       what a provider promises, and its answers
errors     what a call may come to in place of a ranking
observed   a provider that tells of its calls
dialects   all that is known of each vendor's way of asking and answering
sites      sites, accounts and keys
site_file  the same, read from a file
keys       whether a key is one
"""
