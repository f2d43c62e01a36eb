"""Providers' webhooks: it is proven who sent one, nothing that it says is believed, and its job is polled now."""

from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Final, TypeAlias

from aiohttp import hdrs, web

from providers.capabilities import Webhook, webhook_of
from providers.webhooks import read_webhook
from router.core.catalog import Catalog, Provider
from router.core.clock import Clock
from router.core.events import Emit, WebhookResult, WebhookTaken
from router.core.hook import Hook
from router.http.answer import SERVER
from router.http.body import read_raw
from router.http.errors import ApiError, unavailable
from router.http.paths import Resource
from router.http.signature import UnprovenError, event_id, require_signature, signing_key

BODY_BYTES_MAX: Final = 65_536
HOOKS_PER_S_MAX: Final = 200.0
"""How many webhooks of one provider are looked at in the long run; a few seconds' worth may come at once."""
HOOKS_AT_ONCE_MAX: Final = 2_000.0
_BODY_S_MAX: Final = 10.0
_BODIES_AT_ONCE_MAX: Final = 64
_SEEN_MAX: Final = 10_000
_RETRY_AFTER_S: Final = 5.0
_WHERE: Final = "/hooks/{provider}"

Hint: TypeAlias = Callable[[str, str], bool]


@dataclass(slots=True)
class _Bucket:
    """What one provider may still send."""

    held: float
    at: float

    def take(self, now: float) -> bool:
        self.held = min(HOOKS_AT_ONCE_MAX, self.held + (now - self.at) * HOOKS_PER_S_MAX)
        self.at = now
        if self.held < 1.0:
            return False
        self.held -= 1.0
        return True


@dataclass(slots=True)
class Hooks:
    """Takes webhooks; `hint` polls the job that a provider calls so, and says whether anybody knows it.

    `came` is told of each that named a job, also of one whose create has not been answered yet.
    """

    catalog: Callable[[], Catalog]
    hint: Hint
    came: Callable[[str, str], None]
    clock: Clock
    emit: Emit
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _seen: OrderedDict[tuple[str, str], None] = field(default_factory=OrderedDict)
    _reading: Counter[str] = field(default_factory=Counter)

    async def take(self, request: web.BaseRequest, name: str, token: str | None) -> None:
        """Take one webhook; raises ApiError, 404 for whatever is at no provider's address."""
        provider = self.catalog().providers.get(name)
        hook, reader = (provider.hook, webhook_of(provider.adapter)) if provider is not None else (None, None)
        if provider is None or hook is None or reader is None:
            raise _not_found()
        try:
            result = await self._result(request, provider, hook, reader, token)
        except UnprovenError as error:
            self.emit(WebhookTaken(name, WebhookResult.UNPROVEN, str(error)))
            raise (_unsigned(str(error)) if hook.signed and token is None else _not_found()) from None
        except ApiError as error:
            self.emit(WebhookTaken(name, WebhookResult.UNREADABLE, error.code))
            raise
        self.emit(WebhookTaken(name, result))
        if result is WebhookResult.THROTTLED:
            raise ApiError(429, "too many webhooks came at once; send this one again", "too_many_webhooks", None, True)

    async def _result(
        self, request: web.BaseRequest, provider: Provider, hook: Hook, reader: Webhook, token: str | None
    ) -> WebhookResult:
        """Prove as much as can be before anything is read; raises UnprovenError and ApiError."""
        webhook_id = self._known(request, hook, token)
        if webhook_id is None and not self._has_turn(provider.name):
            return WebhookResult.THROTTLED
        with self._place(provider.name):
            body = await read_raw(request, BODY_BYTES_MAX, _BODY_S_MAX)
        if webhook_id is not None:
            require_signature(signing_key(hook.secret.reveal()), request.headers, body)
            if (provider.name, webhook_id) in self._seen:
                return WebhookResult.DUPLICATE
            if not self._has_turn(provider.name):
                return WebhookResult.THROTTLED
            self._remember(provider.name, webhook_id)
        headers = {key.lower(): value for key, value in request.headers.items()}
        remote_id = read_webhook(reader, headers, body)
        if remote_id is None:
            return WebhookResult.NO_END
        self.came(provider.name, remote_id)
        return WebhookResult.HINTED if self.hint(provider.name, remote_id) else WebhookResult.EARLY

    def _known(self, request: web.BaseRequest, hook: Hook, token: str | None) -> str | None:
        """Return the id of one that says it is signed, None of one at an address that proves it."""
        if hook.signed and token is None:
            return event_id(request.headers, self.clock.wall())
        secret = hook.secret.reveal().encode()
        if hook.signed or token is None or not compare_digest(token.encode("utf-8", "replace"), secret):
            raise UnprovenError("its address is not the one that the provider was told")
        return None

    def _has_turn(self, provider: str) -> bool:
        now = self.clock.monotonic()
        return self._buckets.setdefault(provider, _Bucket(HOOKS_AT_ONCE_MAX, now)).take(now)

    def _remember(self, provider: str, webhook_id: str) -> None:
        self._seen[provider, webhook_id] = None
        if len(self._seen) > _SEEN_MAX:
            self._seen.popitem(last=False)

    @contextmanager
    def _place(self, provider: str) -> Iterator[None]:
        """Read one body more of a provider; raises ApiError 503 when too many are being read."""
        if self._reading[provider] >= _BODIES_AT_ONCE_MAX:
            raise unavailable("too many webhooks are being received at once", "too_many_webhooks", _RETRY_AFTER_S)
        self._reading[provider] += 1
        try:
            yield
        finally:
            self._reading[provider] -= 1


def hook_resources(hooks: Hooks) -> list[Resource]:
    """The addresses that providers send to, which ask for no caller's key."""

    async def take(request: web.BaseRequest, name: str, token: str | None = None) -> web.StreamResponse:
        """Answer with 202 whether or not anybody knows the job, so that nobody can find out which there are."""
        try:
            await hooks.take(request, name, token)
        except ApiError as error:
            return error.response()
        return web.Response(status=202, headers={hdrs.SERVER: SERVER})

    return [Resource(path, {hdrs.METH_POST: take}, framed=False) for path in (_WHERE, f"{_WHERE}/{{token}}")]


def _not_found() -> ApiError:
    return ApiError(404, "there is no such path", "not_found")


def _unsigned(why: str) -> ApiError:
    return ApiError(401, f"the webhook is not believed: {why}", "invalid_webhook_signature")
