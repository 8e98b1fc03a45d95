"""Rows as the JSON of the contract, one module a noun. No queries here beyond what selectors fetched, no
decisions.
"""
