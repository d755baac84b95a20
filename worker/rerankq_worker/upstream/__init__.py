"""The upstream as jobs see it, and the configured sites.

port         the interface of a provider, and its answers
errors       the errors of a call
observed     a provider that sends an event for each call
dialects     each vendor's format of requests and answers
sites        sites, accounts and keys
site_file    reads them from a file
keys         checks what a key looks like
pairs        a call whose documents are ranked for queries of their own
call_limits  how much one call to a site may have
listwise     which models compare the documents of a call
score_scale  what a site's scores are, and their probabilities
agreement    how far two rankings agree
context      how many tokens a model reads, and how they are counted
of_models    a setting of a site that may differ from model to model
cheap_hours  the hours in which a site costs less
known_pairs  questions whose best answer is known, to check scores
"""
