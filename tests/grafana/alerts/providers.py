"""Providers that are ejected, refuse our account, end, or speak in unknown words."""

from tests.grafana.alerts.timeline import (
    RESET,
    Firing,
    Timeline,
    by_provider,
    by_router,
    counter,
    few,
    fires,
    gauge,
    page,
    quiet,
    recovers,
    reset,
    series,
    ticket,
)

ALL_EJECTED, EJECTED = "EveryProviderEjected", "ProviderEjected"
KEY, BALANCE = "ProviderKeyRefused", "ProviderBalanceUsedUp"
ENDS, ENDS_SOON = "OfferingEnds", "OfferingEndsThisWeek"
ERRORS, STATUSES = "UnknownErrors", "UnknownStatuses"
PANIC, DRAINED = "NobodyHealthyLeft", "ProviderDrained"
DAY_S = 86_400
_CREATES = series("http_requests_total", route="/v1/videos", method="POST", code="503")
_IN_FLIGHT = series("jobs_in_flight", provider="p0")
_END = series("offering_end_timestamp_seconds", provider="p0", offering="p0/sora-2")
_BEST = series("route_decisions_total", provider="p0", reason="best")
_PANIC = series("route_decisions_total", provider="p0", reason="panic")
_DRAIN = series("provider_drained", provider="p0")


def sold(provider: str, steps: int = 200, asked: float = 1) -> dict[str, str]:
    """The series of a provider that sells for so many steps, and gets so many submits a step."""
    submits = {"provider": provider, "operation": "submit", "result": "error"}
    return {
        series("provider_in_flight_limit", provider=provider): gauge((20, steps), (0, 200 - steps)),
        series("exchanges_total", **submits): counter((asked, 200)),
    }


def breaker(provider: str, *states: tuple[str, int], kind: str = "submit") -> dict[str, str]:
    """The three series of a breaker that is in one state after the other."""
    return {
        series("breaker_state", provider=provider, breaker=kind, state=state): gauge(
            *((float(state == now), steps) for now, steps in states)
        )
        for state in ("closed", "open", "half_open")
    }


def outage(provider: str, reason: str, *values: tuple[float, int]) -> dict[str, str]:
    return {series("provider_outage", provider=provider, reason=reason): gauge(*values)}


_NOBODY = page(by_router(), "Every provider is ejected at a:9091: no video gets made.")
_OUT = ticket(by_provider(breaker="generate"), "p0 is ejected: its generate breaker has not closed for 15 minutes.")
_KEY = ticket(by_provider(), "p0 refuses our key. It gets no jobs until somebody acts.")
_BALANCE = ticket(by_provider(), "p0 says that our balance is used up. It gets no jobs until somebody acts.")
_OFFERING = by_provider(offering="p0/sora-2")


def _panic_told(count: int) -> Firing:
    return ticket(
        by_provider(),
        "Jobs are tried with p0 although it is ejected: nobody else is left for them.",
        f"About {count} times in an hour no healthy provider could take a job, and the least bad of the ejected ones"
        " got it as its probe. Between probes such jobs wait, and creates of that model are turned away with a 503.",
    )


_FORGOTTEN = ticket(by_provider(), "p0 has been drained for over a day.")


def _errors_told(count: int) -> Firing:
    return ticket(
        by_provider(),
        "p0 fails in words that no table knows.",
        f"About {count} failures in an hour were judged by their HTTP status alone, which may cost a failover, or a"
        " second purchase. The log has a sample of each: `unknown_error`.",
    )


def _statuses_told(count: int) -> Firing:
    return ticket(
        by_provider(),
        "p0 tells a status that no table knows.",
        f"About {count} polls in an hour were answered so, and their jobs were taken to be running. If the word means"
        " the end, its jobs wait until they stall. The log has it: `unknown_status`.",
    )


_UNKNOWN = series("unknown_errors_total", provider="p0", stage="submit")
_WORDS = series("unknown_status_total", provider="p0")
# Trials fail every 15 minutes; the breaker is half-open for a minute then, and no outage is shown.
_TRIALS = [("open", 14), ("half_open", 1)] * 4
_OUTAGE_TRIALS: list[tuple[float, int]] = [(1, 14), (0, 1)] * 4

TIMELINES = [
    Timeline(
        "providers take jobs",
        {
            **sold("p0"),
            **sold("p1"),
            **breaker("p0", ("closed", 61)),
            **breaker("p0", ("closed", 61), kind="generate"),
            **breaker("p1", ("closed", 61)),
            **outage("p0", "auth", (0, 61)),
            **outage("p0", "balance", (0, 61)),
            _CREATES: counter((1, 60)),
            _UNKNOWN: counter((0, 60)),
            _WORDS: counter((0, 60)),
            _BEST: counter((1, 60)),
            _PANIC: counter((0, 60)),
            _DRAIN: gauge((0, 61)),
        },
        [quiet(alert, 60) for alert in (ALL_EJECTED, EJECTED, KEY, BALANCE, ERRORS, STATUSES, PANIC, DRAINED)],
    ),
    Timeline(
        "every provider is ejected, one by its account, while callers ask; then one comes back",
        {
            **sold("p0"),
            **sold("p1"),
            **breaker("p0", ("closed", 10), *_TRIALS, ("closed", 20)),
            **breaker("p1", ("closed", 90)),
            **outage("p1", "balance", (0, 20), (1, 70)),
            _CREATES: counter((1, 90)),
        },
        [
            quiet(ALL_EJECTED, 21),
            fires(ALL_EJECTED, 22, _NOBODY),
            fires(ALL_EJECTED, 74, _NOBODY),
            recovers(ALL_EJECTED, 76),
        ],
    ),
    Timeline(
        "every provider is ejected, and nobody asks for a video",
        {
            **sold("p0"),
            **breaker("p0", ("open", 61)),
            _CREATES: counter((0, 60)),
            _IN_FLIGHT: gauge((0, 61)),
        },
        [few(ALL_EJECTED, 60)],
    ),
    Timeline(
        "polls alone are slow",
        {
            **sold("p0"),
            **breaker("p0", ("closed", 61)),
            **breaker("p0", ("open", 61), kind="poll"),
            _IN_FLIGHT: gauge((9, 61)),
        },
        [
            quiet(ALL_EJECTED, 60),
            fires(
                EJECTED,
                60,
                ticket(by_provider(breaker="poll"), "p0 is ejected: its poll breaker has not closed for 15 minutes."),
            ),
        ],
    ),
    Timeline(
        "a restart admits every provider again",
        {**sold("p0"), **breaker("p0", ("open", 30), ("closed", 31)), _IN_FLIGHT: gauge((5, 30), (0, 1), (5, 30))},
        [reset(ALL_EJECTED, 40), reset(EJECTED, 40)],
    ),
    Timeline(
        "a breaker stays away from closed through its trials, then closes",
        {**sold("p0"), **breaker("p0", ("closed", 10), *_TRIALS, ("closed", 30), kind="generate")},
        [few(EJECTED, 24), fires(EJECTED, 25, _OUT), fires(EJECTED, 74, _OUT), recovers(EJECTED, 76)],
    ),
    *(
        timeline
        for alert, reason, told in ((KEY, "auth", _KEY), (BALANCE, "balance", _BALANCE))
        for timeline in (
            Timeline(
                f"{reason}: told at once and through every trial, until a trial is taken",
                {
                    **sold("p0"),
                    **breaker("p0", ("closed", 10), *_TRIALS, ("closed", 30)),
                    **outage("p0", reason, (0, 10), *_OUTAGE_TRIALS, (0, 30)),
                },
                [
                    quiet(alert, 9),
                    fires(alert, 10, told),
                    fires(alert, 24, told),
                    fires(alert, 69, told),
                    recovers(alert, 70),
                ],
            ),
            Timeline(
                f"{reason}: nobody asks for a video, so that no trial is taken",
                {**sold("p0"), **breaker("p0", ("open", 200)), **outage("p0", reason, (1, 15), (0, 185))},
                [fires(alert, 190, told)],
            ),
            Timeline(
                f"{reason}: a breaker that opened for another cause",
                {**sold("p0"), **breaker("p0", ("open", 61)), **outage("p0", reason, (0, 61))},
                [few(alert, 60)],
            ),
            Timeline(
                f"{reason}: the provider is taken out of the configuration",
                {
                    **sold("p0", steps=30),
                    **breaker("p0", ("open", 90)),
                    **breaker("p0", ("closed", 90), kind="generate"),
                    **outage("p0", reason, (1, 15), (0, 75)),
                },
                [fires(alert, 29, told), recovers(alert, 31), recovers(EJECTED, 36)],
            ),
            Timeline(
                f"{reason}: an hour after the account is in order, the breaker opens for another cause",
                {
                    **sold("p0"),
                    **breaker("p0", ("open", 15), ("closed", 60), ("open", 60)),
                    **outage("p0", reason, (1, 14), (0, 121)),
                },
                [fires(alert, 14, told), quiet(alert, 20), quiet(alert, 90), quiet(alert, 130)],
            ),
            Timeline(
                f"{reason}: a restart tries the provider anew",
                {**sold("p0"), **breaker("p0", ("open", 20), ("closed", 20)), **outage("p0", reason, (1, 20), (0, 20))},
                [reset(alert, 21)],
            ),
        )
    ),
    Timeline(
        "of three providers one is ejected, one was taken out of the configuration, one has nothing left to sell",
        {
            **sold("p0"),
            **breaker("p0", ("open", 90)),
            **sold("p1", steps=0),
            **breaker("p1", ("closed", 90)),
            **sold("p2", asked=0),
            **breaker("p2", ("closed", 90)),
            _CREATES: counter((1, 90)),
        },
        [fires(ALL_EJECTED, 20, _NOBODY)],
    ),
    Timeline(
        "one of two providers is drained, and the other one ejected",
        {
            **sold("p0"),
            **breaker("p0", ("closed", 90)),
            _DRAIN: gauge((1, 90)),
            **sold("p1"),
            **breaker("p1", ("open", 90)),
            _CREATES: counter((1, 90)),
        },
        [fires(ALL_EJECTED, 20, _NOBODY)],
    ),
    Timeline(
        "whoever is drained may be ejected as well: nobody waits for it",
        {**sold("p0"), **breaker("p0", ("open", 90)), _DRAIN: gauge((1, 90))},
        [few(EJECTED, 60)],
    ),
    Timeline(
        "a provider is drained for a night, then for two days; then it gets jobs again",
        {
            series("provider_in_flight_limit", provider="p0"): gauge((20, 100)),
            _DRAIN: gauge((0, 4), (1, 10), (0, 4), (1, 48), (0, 34)),
        },
        [
            few(DRAINED, 13),
            few(DRAINED, 41),
            fires(DRAINED, 42, _FORGOTTEN),
            fires(DRAINED, 65, _FORGOTTEN),
            recovers(DRAINED, 66),
        ],
        step_m=60,
    ),
    Timeline(
        "a restart gives a drained provider jobs again",
        {
            series("provider_in_flight_limit", provider="p0"): gauge((20, 60)),
            _DRAIN: gauge((1, 20), (0, 1), (1, 20)),
        },
        [reset(DRAINED, 25), reset(DRAINED, 40)],
        step_m=60,
    ),
    Timeline(
        "a drained provider is taken out of the configuration",
        {series("provider_in_flight_limit", provider="p0"): gauge((20, 30), (0, 30)), _DRAIN: gauge((1, 60))},
        [fires(DRAINED, 29, _FORGOTTEN), recovers(DRAINED, 30)],
        step_m=60,
    ),
    Timeline(
        "five jobs are tried with whoever is ejected, for there is nobody else",
        {_PANIC: counter((0, 10), (1, 5), (0, 180))},
        [fires(PANIC, 20, _panic_told(5)), recovers(PANIC, 110)],
    ),
    Timeline(
        "two jobs are, and many are tried with the best",
        {_PANIC: counter((0, 10), (1, 2), (0, 60)), _BEST: counter((9, 70))},
        [few(PANIC, 15), few(PANIC, 60)],
    ),
    Timeline(
        "a restart after much panic, long ago",
        {_PANIC: counter((0, 100), RESET, (0, 60), start=50)},
        [reset(PANIC, at) for at in (102, 130)],
    ),
    Timeline(
        "an offering ends in three days, and nobody has a job for its provider",
        {_END: gauge((3 * DAY_S, 150)), _BEST: counter((0, 149))},
        [fires(ENDS, 120, ticket(_OFFERING, "The offering p0/sora-2 ends in 2d 14h 0m 0s.")), few(ENDS_SOON, 120)],
        step_m=5,
    ),
    Timeline(
        "an offering ends in three days: a ticket at once, and a page at eight o'clock",
        {_END: gauge((3 * DAY_S, 100)), _BEST: counter((1, 99))},
        [
            quiet(ENDS, 0),
            fires(ENDS, 1, ticket(_OFFERING, "The offering p0/sora-2 ends in 2d 23h 55m 0s.")),
            quiet(ENDS_SOON, 96),
            fires(ENDS_SOON, 97, page(_OFFERING, "Only 2d 15h 55m 0s until the offering p0/sora-2 ends.")),
        ],
        step_m=5,
    ),
    Timeline(
        "an offering ends in 40 days, then in 30, then in seven, then it is over",
        {_END: gauge((40 * DAY_S, 250)), _BEST: counter((1, 249))},
        [
            quiet(ENDS, 50),
            quiet(ENDS_SOON, 100),
            # 10.5 days are left at noon.
            few(ENDS_SOON, 177),
            # 20.5 days are left at noon.
            fires(ENDS, 117, ticket(_OFFERING, "The offering p0/sora-2 ends in 20d 12h 0m 0s.")),
            few(ENDS_SOON, 117),
            quiet(ENDS_SOON, 218),
            # 3.5 days are left at noon; the next check is at midnight.
            fires(ENDS_SOON, 219, page(_OFFERING, "Only 3d 12h 0m 0s until the offering p0/sora-2 ends.")),
            quiet(ENDS_SOON, 220),
            quiet(ENDS_SOON, 222),
            recovers(ENDS, 240),
            recovers(ENDS_SOON, 243),
        ],
        step_m=240,
    ),
    Timeline(
        "an offering without an end, and one whose end is put off by a reload",
        {_END: gauge((0, 20), (5 * DAY_S, 4), (90 * DAY_S, 20)), _BEST: counter((1, 43))},
        [few(ENDS, 19), few(ENDS_SOON, 12), reset(ENDS, 25), reset(ENDS_SOON, 34)],
        step_m=60,
    ),
    Timeline(
        "five failures in unknown words, and five statuses",
        {_UNKNOWN: counter((0, 10), (1, 5), (0, 180)), _WORDS: counter((0, 10), (1, 5), (0, 180))},
        [
            fires(ERRORS, 20, _errors_told(5)),
            fires(STATUSES, 20, _statuses_told(5)),
            fires(ERRORS, 130, _errors_told(3)),
            fires(STATUSES, 130, _statuses_told(3)),
            recovers(ERRORS, 134),
            recovers(STATUSES, 134),
        ],
    ),
    Timeline(
        "two of each",
        {_UNKNOWN: counter((0, 10), (1, 2), (0, 60)), _WORDS: counter((0, 10), (1, 2), (0, 60))},
        [few(alert, at) for alert in (ERRORS, STATUSES) for at in (15, 60)],
    ),
    Timeline(
        "a restart after many of each, long ago",
        {_UNKNOWN: counter((0, 100), RESET, (0, 60), start=50), _WORDS: counter((0, 100), RESET, (0, 60), start=50)},
        [reset(alert, at) for alert in (ERRORS, STATUSES) for at in (102, 130)],
    ),
]
