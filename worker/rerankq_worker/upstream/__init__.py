"""What jobs see of an upstream, and which upstreams there are.

port             what a provider promises, its answers and its errors
sites            sites, accounts and keys
site_file        the same, read from a file
keys             whether a key is one
dialect_options  what can be set of a dialect
"""
