"""Compares two models or sites on a set of queries: `rerankq compare`.

target        a model at a site, as the command line names it
questions     the set: queries with documents, and judgements if there are any
calling       calls, under the limits that all workers share
comparing     asks both sides each question, side by side
figures       what is measured of one question, and of all
quality       measures of retrieval, where there are judgements
confidence    how far a mean may be off
report        the tables, and the same as JSON
"""
