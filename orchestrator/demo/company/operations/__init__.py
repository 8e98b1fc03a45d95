"""The operations of the demo company, one file a system. Each file ends with its `ROUTES`.

A handler reads the store and answers `Found` or `Done`; it stores nothing and raises `Refused` to say no.
"""

from __future__ import annotations

from orchestrator.demo.company.calls import Route
from orchestrator.demo.company.operations import crm, messages, orders, payments, reference, tickets, vouchers

ROUTES: tuple[Route, ...] = (
    *crm.ROUTES,
    *orders.ROUTES,
    *payments.ROUTES,
    *vouchers.ROUTES,
    *tickets.ROUTES,
    *messages.ROUTES,
    *reference.ROUTES,
)
