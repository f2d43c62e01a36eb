"""The contract of dialects, run on anybody's adapter: what it sends, what it reads, and what it never reads."""

from providers.certification.checks import CHECKS, Check, Result, certified
from providers.certification.exchange import Exchange, ExchangeError, read_exchange, read_exchanges
from providers.certification.subject import Subject, SubjectError, Violation, subjects

__all__ = [
    "CHECKS",
    "Check",
    "Exchange",
    "ExchangeError",
    "Result",
    "Subject",
    "SubjectError",
    "Violation",
    "certified",
    "read_exchange",
    "read_exchanges",
    "subjects",
]
