"""The demo company: the business systems of a retailer as one separate HTTP process with its own store.

Started with `python -m orchestrator.demo.company`. It knows nothing of the product: no Django, no import of
another app. The product reaches it by the `http` connector only. `cast.py` lists the records of the stories.
"""
