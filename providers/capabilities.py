"""What a dialect may offer beyond the six functions. One that offers half of a capability does not have it."""

from collections.abc import Mapping
from typing import Protocol, cast

from providers.adapter import HttpRequest, HttpResponse, PolledPage
from providers.canonical import Failure, ListedPage, ListPolling


class Lookup(Protocol):
    """The upstream lists its jobs, so that one whose create was never answered can be found."""

    def lookup_request(self, cursor: str | None) -> HttpRequest:
        """Build the exchange that asks for the newest jobs, or for those that follow `cursor`."""

    def read_lookup(self, response: HttpResponse) -> ListedPage | Failure:
        """Read a list's answer; a Failure of stage `poll` says nothing of any job. May raise like `read_poll`."""


class Reference(Protocol):
    """The upstream keeps a word of ours with a job and shows it in its list."""

    def referenced(self, request: HttpRequest, reference: str) -> HttpRequest:
        """Put `reference` into a create of `submit_request`, and change nothing else about it."""


class Cancel(Protocol):
    """The upstream can end a job that has not ended yet."""

    def cancel_request(self, remote_id: str) -> HttpRequest:
        """Build the exchange that ends a job. Nobody reads the answer: the next polls tell what it did."""


class Webhook(Protocol):
    """The upstream tells by a POST of its own that a job has ended. Who sent it is proven elsewhere."""

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> str | None:
        """The id of the job that should be polled now, None where it is said to go on, or no job is named.

        Nothing else of it is believed. May raise like `read_poll`. Header names are lower-case.
        """


class HookedCreate(Protocol):
    """A create names the address that the upstream's webhooks go to.

    Where none does, an address is registered with the upstream, which signs as Standard Webhooks has it.
    """

    def hooked(self, request: HttpRequest, url: str) -> HttpRequest:
        """Put `url` into a create of `submit_request`, and change nothing else about it."""


class ListedPolls(Protocol):
    """The upstream's list tells of each job what a poll of it tells, so that one exchange asks about many."""

    def polls_request(self, cursor: str | None, limit: int) -> HttpRequest:
        """Build the exchange that asks for the `limit` newest jobs, or for those that follow `cursor`."""

    def read_polls(self, response: HttpResponse) -> PolledPage | Failure:
        """Read a list's answer; a Failure of stage `poll` says nothing of any job. May raise like `read_poll`."""


def lookup_of(adapter: object) -> Lookup | None:
    """The adapter as one that lists jobs, or None."""
    return cast("Lookup", adapter) if _offers(adapter, "lookup_request", "read_lookup") else None


def reference_of(adapter: object) -> Reference | None:
    """The adapter as one whose creates can carry a reference, or None."""
    return cast("Reference", adapter) if _offers(adapter, "referenced") else None


def cancel_of(adapter: object) -> Cancel | None:
    """The adapter as one that can end a job, or None."""
    return cast("Cancel", adapter) if _offers(adapter, "cancel_request") else None


def webhook_of(adapter: object) -> Webhook | None:
    """The adapter as one whose upstream sends webhooks, or None."""
    return cast("Webhook", adapter) if _offers(adapter, "read_webhook") else None


def hooked_create_of(adapter: object) -> HookedCreate | None:
    """The adapter as one whose creates can carry an address for webhooks that it reads, or None."""
    return cast("HookedCreate", adapter) if _offers(adapter, "read_webhook", "hooked") else None


def listed_polls_of(adapter: object) -> ListedPolls | None:
    """The adapter as one that asks about many jobs at once, or None."""
    return cast("ListedPolls", adapter) if _offers(adapter, "polls_request", "read_polls") else None


def list_polling_of(adapter: object) -> ListPolling:
    """What the adapter says in `list_polling` that its list is good for; one that says nothing leaves it to people."""
    told = getattr(adapter, "list_polling", None)
    return told if isinstance(told, ListPolling) and listed_polls_of(adapter) is not None else ListPolling.OFF


def _offers(adapter: object, *functions: str) -> bool:
    return all(callable(getattr(adapter, function, None)) for function in functions)
