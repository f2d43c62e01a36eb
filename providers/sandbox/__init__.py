"""Fake upstreams over real sockets: they take jobs, bill them, keep books, and fail when told to."""

from providers.sandbox.books import Books, BooksEntry, Totals
from providers.sandbox.faults import Fault, FaultError, FaultRule, Match
from providers.sandbox.habits import Habits
from providers.sandbox.prices import Price
from providers.sandbox.sandbox import Control, Sandbox

__all__ = [
    "Books",
    "BooksEntry",
    "Control",
    "Fault",
    "FaultError",
    "FaultRule",
    "Habits",
    "Match",
    "Price",
    "Sandbox",
    "Totals",
]
