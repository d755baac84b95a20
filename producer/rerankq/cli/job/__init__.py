"""Commands for one job: submit, status, result, cancel; and tables of rankings.

submit    `rerankq submit`
jobs      `rerankq status`, `result` and `cancel`
group     the commands of `rerankq jobs`, which are in the next two
listing   `rerankq jobs list`
timeline  `rerankq jobs show`
ranking   a ranking as a table
"""
