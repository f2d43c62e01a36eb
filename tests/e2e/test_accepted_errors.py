"""An error that follows an accepted and billed create: its money stays open, and nobody else is asked."""

from pathlib import Path
from typing import Any

import pytest

from router.core.job import AttemptState
from tests.rig import DIALECTS, SECONDS, a_rig, assert_books_agree

ERRORS: dict[str, dict[str, Any]] = {
    "http_500": {},
    "http_502": {},
    "http_503": {},
    "http_503 with Retry-After": {"retry_after_s": 30},
    "html_502": {},
}


def dear(dialect: str) -> dict[str, Any]:
    """A provider's section that makes it everybody's last choice."""
    offering = {"model": "sora-2", "sizes": ["720x1280"], "seconds": SECONDS[dialect], "price": {"per_clip": "5.00"}}
    return {"offerings": [offering]}


@pytest.mark.parametrize("fault", ERRORS)
@pytest.mark.parametrize("dialect", DIALECTS)
async def test_an_error_after_an_accepted_create_is_held_open(dialect: str, fault: str, tmp_path: Path) -> None:
    other = next(name for name in DIALECTS if name != dialect)
    hold = {"on_ambiguous": "hold"}
    async with a_rig(tmp_path, dialect, other, providers={other: dear(other)}, policy=hold) as rig:
        rule = {"fault": fault.split(maxsplit=1)[0], "accepted": True, **ERRORS[fault]}
        await rig.sandboxes[dialect].set_faults([rule])
        video = await rig.made()
        assert (video.status, video.error.code) == ("failed", "submit_unknown")
        (row,) = rig.rows()
        assert (row.provider, row.state, row.voided) == (dialect, AttemptState.UNKNOWN, False)
        billed = rig.sandboxes[dialect].books().totals.net_microusd
        assert 0 < billed <= row.open_microusd
        assert_books_agree(rig)
        assert rig.sandboxes[other].books().requests.get("create", 0) == 0
