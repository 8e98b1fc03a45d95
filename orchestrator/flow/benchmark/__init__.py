"""What `manage.py bench` measures: one workload on servers of its own, beside a floor in plain psycopg in the same run.

Machines are noisy: only ratios of one run count. Nothing here is part of the product's work.
"""
