"""The calls of the API, one module a noun. Each checks its options and body, makes one service call and
shows rows.
"""
