"""Parquet: tables whose rows are jobs. Needs the extra `parquet`.

table    opens a file, and reads its rows a few at a time
columns  finds the column of each field of a job
rows     makes a job of a row
"""
