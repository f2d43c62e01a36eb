"""A front door that goes on by another configuration: its limits, its names, and what callers hold meanwhile."""

from contextlib import ExitStack

import pytest

from router.core.limits import ServerSettings
from router.http.errors import ApiError
from router.http.naming import Naming
from router.http.room import BODIES_HELD_MAX, BodyRoom, StreamRoom
from tests.builders import a_catalog, a_provider, an_attempt, an_offering

FORMER = a_catalog(
    an_offering("alpha"), an_offering("beta"), alpha=a_provider("alpha", alias="gold"), beta=a_provider("beta")
)


def test_streams_that_are_open_count_against_the_new_limit() -> None:
    room = StreamRoom(ServerSettings(streams_max=3))
    with ExitStack() as held:
        for caller in ("alice", "bob"):
            held.enter_context(room.place(caller))
        room.use(ServerSettings(streams_max=2))
        with pytest.raises(ApiError, match=r"\(2\)"):
            held.enter_context(room.place("carol"))
        room.use(ServerSettings(streams_max=3))
        held.enter_context(room.place("carol"))
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(room.place("alice"))


def test_bodies_that_are_held_stay_held_and_their_room_is_what_the_new_limit_gives() -> None:
    room = BodyRoom(ServerSettings(body_bytes_max=2000))
    with room.share() as held:
        held.grow(BODIES_HELD_MAX * 1500)
        room.use(ServerSettings(body_bytes_max=1000))
        with room.share() as other, pytest.raises(ApiError):
            other.grow(1)
        room.use(ServerSettings(body_bytes_max=1501))
        with room.share() as other:
            other.grow(BODIES_HELD_MAX)
    with room.share() as held:
        held.grow(BODIES_HELD_MAX * 1501)
        with pytest.raises(ApiError):
            held.grow(1)


def test_a_provider_that_was_removed_is_still_told_of_by_its_alias_and_no_longer_proposed() -> None:
    new = a_catalog(an_offering("beta")).keeping(FORMER)
    naming = Naming(new, {"alpha": "https://alpha-relay.example"})
    assert naming.attempts([an_attempt(provider="alpha"), an_attempt(2, provider="beta")]) == ["gold", "beta"]
    assert naming.selectable == ("beta", "beta/clip")
    # A create that is repeated under its key still means what it meant.
    assert naming.meant("gold") == ("alpha",)
    assert naming.words("alpha says: alpha-relay.example is down") == "[provider] says: [provider] is down"


def test_a_provider_that_was_removed_stays_hidden_where_all_are() -> None:
    new = a_catalog(an_offering("beta")).keeping(FORMER)
    naming = Naming(new, {"alpha": "https://alpha-relay.example"}, shown=False)
    assert naming.selectable == ()
    assert naming.attempts([an_attempt(provider="alpha")]) == ["provider-1"]
    assert "alpha" not in naming.words("alpha and gold are down")
    assert "gold" not in naming.words("alpha and gold are down")
