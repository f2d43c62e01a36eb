"""Checks of what an adapter may offer beyond its six functions; one that does not offer it has nothing to promise."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

from providers.adapter import HttpRequest
from providers.canonical import ListedPage
from providers.capabilities import cancel_of, hooked_create_of, lookup_of, reference_of, webhook_of
from providers.certification.answers import DOCUMENTED_ERRORS
from providers.certification.calling import Case, Raised, called, said, shortened, video_text
from providers.certification.requests import built_request, id_kept, leaves, not_relative, wrong
from providers.certification.samples import HOSTILE_BODIES, IDS, WORDLESS_BODIES
from providers.certification.subject import Subject, Violation

REFERENCES: Final = ("video_7f3a-1", "video_7f3a-2")
ADDRESSES: Final = ("https://router.example.test/hooks/a/1", "https://router.example.test/hooks/a/2")
_PAIRS: Final = (("lookup_request", "read_lookup"), ("polls_request", "read_polls"))
_OPTIONAL: Final = (
    *("lookup_request", "read_lookup", "polls_request", "read_polls"),
    *("referenced", "cancel_request", "read_webhook", "hooked"),
)


def what_is_offered_is_whole(subject: Subject) -> Iterator[Case]:
    """A list is asked for and read, by two functions; half a capability is as good as none."""
    for pair in _PAIRS:
        there = [name for name in pair if hasattr(subject.adapter, name)]
        change = f"write {' and '.join(pair)}, or neither"
        yield Violation("what the adapter offers", f"only {there[0]}", change) if len(there) == 1 else None
    unread = hasattr(subject.adapter, "hooked") and not hasattr(subject.adapter, "read_webhook")
    change = "write read_webhook, or leave hooked out"
    yield Violation("what the adapter offers", "hooked, but not read_webhook", change) if unread else None
    for name in _OPTIONAL:
        offered = getattr(subject.adapter, name, print)
        yield None if callable(offered) else Violation(f"{name}", f"a {type(offered).__name__}", "make it a function")


def a_list_is_a_relative_get(subject: Subject) -> Iterator[Case]:
    """A list is a GET of a relative path, without a body; a cursor goes on with it, to the letter."""
    yield None
    if (lookup := lookup_of(subject.adapter)) is None:
        return
    newest = called(lookup.lookup_request, None)
    yield built_request("lookup_request(None)", newest)
    for cursor in (None, *IDS):
        request = called(lookup.lookup_request, cursor)
        if not isinstance(request, HttpRequest):
            yield built_request(f"lookup_request({cursor!r})", request)
            continue
        problem = not_relative(request)
        if request.method != "GET" or request.json is not None or request.form:
            problem = "a list may be asked for again; use GET without a body"
        yield wrong(f"lookup_request({shortened(repr(cursor), 40)})", request, problem)
        yield None if cursor is None else id_kept("lookup_request", lookup.lookup_request, cursor)


def lists_are_recorded(subject: Subject) -> Iterator[Case]:
    """Of a list there are recorded a page that goes on, and the last one, which does not."""
    yield None
    if lookup_of(subject.adapter) is None:
        return
    pages = [item.read_by(subject.adapter) for item in subject.exchanges if item.outcome is ListedPage]
    goes_on = {page.cursor is not None for page in pages if isinstance(page, ListedPage) and page.jobs}
    for cursor, what in ((True, "a page of a list that goes on"), (False, "the last page of a list, with jobs")):
        change = "record such an answer as a JSON file of kind `list`; providers/README.md shows one"
        yield None if cursor in goes_on else Violation(f"a recorded answer: {what}", "there is none", change)


def a_reference_changes_nothing_else(subject: Subject) -> Iterator[Case]:
    """A create with a reference holds it, and says all that it said without."""
    yield None
    if (keeper := reference_of(subject.adapter)) is None:
        return
    yield from _put_in(subject, "referenced", keeper.referenced, REFERENCES)


def a_webhook_address_changes_nothing_else(subject: Subject) -> Iterator[Case]:
    """A create with an address for webhooks holds it, and says all that it said without."""
    yield None
    if (hooking := hooked_create_of(subject.adapter)) is not None:
        yield from _put_in(subject, "hooked", hooking.hooked, ADDRESSES)


def a_webhook_names_a_job_or_none(subject: Subject) -> Iterator[Case]:
    """A webhook of nonsense raises what readers may raise, and names no job where there is none."""
    yield None
    if (webhook := webhook_of(subject.adapter)) is None:
        return
    for body in HOSTILE_BODIES:
        asked = f"read_webhook({{}}, {shortened(repr(body), 60)})"
        named: object = called(webhook.read_webhook, {}, body)
        if isinstance(named, Raised):
            documented = isinstance(named.error, DOCUMENTED_ERRORS)
            yield None if documented else Violation(asked, str(named), "let nothing else out; it hides a mistake")
            continue
        sound = named is None or (isinstance(named, str) and body not in WORDLESS_BODIES)
        change = "return the id of the job that it names, None where it names none"
        yield None if sound else Violation(asked, shortened(repr(named)), change)


def _put_in(
    subject: Subject, name: str, put: Callable[[HttpRequest, str], HttpRequest], words: tuple[str, str]
) -> Iterator[Case]:
    """Put two words into some creates, and see that each holds its own and nothing is lost."""
    sent = list(said(subject))
    for video, request in [*sent[:1], *sent[-60:]]:
        asked = f"{name}(submit_request({video_text(video)}), {words[0]!r})"
        first, second = (called(put, request, word) for word in words)
        if isinstance(first, HttpRequest) and isinstance(second, HttpRequest):
            problem = _changed(request, first, words[0])
            yield wrong(asked, first, problem or (None if first != second else "say what was given"))
        else:
            yield built_request(asked, first if not isinstance(first, HttpRequest) else second)


def _changed(plain: HttpRequest, changed: HttpRequest, word: str) -> str | None:
    if (changed.method, changed.path) != (plain.method, plain.path):
        return "leave method and path as they are"
    if word not in [*leaves(changed), *changed.headers.values()]:
        return "it is nowhere; put it in as it was given"
    lost = _counted(plain) - _counted(changed)
    if lost or (plain.json is None) != (changed.json is None):
        return "something of the create is lost; add to it and take nothing away"
    return not_relative(changed)


def _counted(request: HttpRequest) -> Counter[str]:
    values: list[Any] = [*leaves(request), *request.headers.items()]
    return Counter(map(repr, values))


def a_cancel_is_a_relative_request(subject: Subject) -> Iterator[Case]:
    """A cancel is a DELETE or POST to a relative path and names its job to the letter."""
    yield None
    if (canceller := cancel_of(subject.adapter)) is None:
        return
    for remote_id in IDS:
        asked = f"cancel_request({shortened(remote_id, 40)!r})"
        request = called(canceller.cancel_request, remote_id)
        if not isinstance(request, HttpRequest):
            yield built_request(asked, request)
            continue
        problem = not_relative(request)
        if request.method == "GET":
            problem = "a GET ends nothing; use DELETE or POST"
        yield wrong(asked, request, problem)
        yield id_kept("cancel_request", canceller.cancel_request, remote_id)
