"""The words upstreams complain with, and what each says of where and why: one table, by reason.

The order of the rows is the order of their weight: refused, balance, auth, lost answers, rate limits, overload, invalid
requests, and last what says no more than that something broke.
"""

from providers.rules import accounts, breakdowns, capacity, hints, lost, refused, requests, statements, topics
from providers.rules.rule import Rule, make_patterns, rule

__all__ = ["CRASHED", "LAST_RESORT", "RULES", "STATEMENTS", "Rule", "make_patterns", "rule"]

RULES: tuple[Rule, ...] = (
    *refused.RULES,
    topics.RULE,
    *accounts.RULES,
    *lost.RULES,
    *capacity.RULES,
    *requests.RULES,
    *breakdowns.RULES,
)

# What is said so plainly that a weak row does not count beside it; a crash is no invalid request, either.
STATEMENTS: tuple[Rule, ...] = statements.RULES
CRASHED: Rule = statements.CRASHED

# Asked only where no row but a breakdown's fits.
LAST_RESORT: tuple[Rule, ...] = (hints.RULE,)
