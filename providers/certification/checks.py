"""The contract: every check with its sentence, and a run over one adapter."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from providers.certification import answers, lists, offers, requests
from providers.certification.calling import Case
from providers.certification.subject import Subject, Violation

VIOLATIONS_KEPT: Final = 5


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of the contract; `name` is its function's."""

    cases: Callable[[Subject], Iterator[Case]] = field(repr=False)

    @property
    def name(self) -> str:
        """The promise in a few words."""
        return self.cases.__name__.replace("_", " ")

    @property
    def sentence(self) -> str:
        """The promise in full."""
        return self.cases.__doc__ or self.name

    def run(self, subject: Subject) -> "Result":
        """Try every case; keep the first violations."""
        cases, broken, kept = 0, 0, list[Violation]()
        for case in self.cases(subject):
            cases += 1
            if case is not None:
                broken += 1
                kept += [case] if broken <= VIOLATIONS_KEPT else []
        return Result(self, cases, broken, tuple(kept))


@dataclass(frozen=True, slots=True)
class Result:
    """How many cases of a check were tried and broken, and the first violations."""

    check: Check
    cases: int
    broken: int
    violations: tuple[Violation, ...]

    @property
    def held(self) -> bool:
        """Whether nothing was broken."""
        return not self.broken


CHECKS: Final = tuple(
    map(
        Check,
        (
            requests.requests_are_built,
            requests.the_unsayable_is_explained,
            requests.a_submit_is_a_relative_post,
            requests.prompt_and_model_are_verbatim,
            requests.seconds_are_said,
            requests.every_image_is_sent,
            requests.differences_show,
            requests.a_poll_is_a_relative_get,
            requests.ids_stay_whole,
            requests.a_result_link_is_fetched_bare,
            requests.a_variant_is_not_the_video,
            answers.exchanges_read_as_recorded,
            answers.exchanges_cover_every_outcome,
            answers.only_2xx_is_good_news,
            answers.an_error_status_ends_no_job,
            answers.nonsense_is_no_news,
            answers.a_wordless_submit_is_ambiguous,
            answers.no_failure_becomes_a_success,
            answers.readers_raise_only_as_documented,
            answers.values_stay_within_limits,
            answers.same_input_same_output,
            offers.what_is_offered_is_whole,
            offers.a_list_is_a_relative_get,
            offers.lists_are_recorded,
            lists.a_list_of_polls_is_a_relative_get,
            lists.a_list_is_as_many_polls,
            offers.a_reference_changes_nothing_else,
            offers.a_cancel_is_a_relative_request,
            offers.a_webhook_address_changes_nothing_else,
            offers.a_webhook_names_a_job_or_none,
        ),
    )
)


def certified(subject: Subject) -> tuple[Result, ...]:
    """Run every check."""
    return tuple(check.run(subject) for check in CHECKS)
