"""The words upstreams complain with, and what each says of where and why: one table, by reason.

The order of the rows is the order of their weight: refused, balance, auth, lost answers, rate limits, overload, invalid
requests, and last what says no more than that something broke.
"""

from providers.rules import accounts, breakdowns, capacity, hints, lost, refused, requests
from providers.rules.rule import Rule, rule

__all__ = ["LAST_RESORT", "RULES", "Rule", "rule"]

RULES: tuple[Rule, ...] = (
    *refused.RULES,
    *accounts.RULES,
    *lost.RULES,
    *capacity.RULES,
    *requests.RULES,
    *breakdowns.RULES,
)

# Asked only where no row but a breakdown's fits.
LAST_RESORT: tuple[Rule, ...] = (hints.RULE,)
