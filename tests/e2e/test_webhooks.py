"""Webhooks of real upstreams over real sockets: they bring the poll that sees the end, and can do nothing else."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from providers.sandbox.hooks import STORM
from router.engine import watch
from tests.rig import POLLING, Rig, a_rig, assert_books_agree

SIGNING = "whsec_" + b64encode(b"a secret canary of webhooks").decode()
RANDOM = "canary-of-the-secret-of-webhooks-0123456789"
# So long that only a webhook can bring the poll that sees the end.
NEVER = {**POLLING, "first_after_s": 60, "interval_s_min": 60, "interval_s_max": 60, "deadline_s": 120, "stall_s": 120}
# A job takes 0.12 to 0.36 s.
SLOWER = 500.0


@asynccontextmanager
async def told(
    folder: Path, dialect: str, polling: Mapping[str, float] = NEVER, time_scale: float = SLOWER, **more: Any
) -> AsyncIterator[Rig]:
    """A router whose one provider tells it of ends: where, it knows once it listens."""
    (folder / "hook.secret").write_text(SIGNING if dialect == "openai" else RANDOM)
    changes = {"polling": dict(polling), "webhook_secret": {"file": str(folder / "hook.secret")}, **more}
    # Any address does until then: nothing is bought.
    server = {"poll_after_ms": 20, "public_url": "http://127.0.0.1:9"}
    async with a_rig(folder, dialect, providers={dialect: changes}, time_scale=time_scale, server=server) as rig:
        path = folder / "router.yaml"
        document = yaml.safe_load(path.read_text())
        document["server"]["public_url"] = rig.router.url
        path.write_text(yaml.safe_dump(document))
        await rig.router.reload()
        if dialect == "openai":
            rig.sandboxes[dialect].send_webhooks(f"{rig.router.url}/hooks/openai", SIGNING)
        yield rig


def polls(rig: Rig, dialect: str) -> int:
    return rig.sandboxes[dialect].books().requests.get("poll", 0)


async def counted(rig: Rig) -> dict[str, int]:
    """What webhooks were good for, as an operator sees it."""
    async with aiohttp.ClientSession() as session, session.get(f"{rig.router.admin_url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    found = [line.partition("} ") for line in lines if line.startswith("video_router_webhooks_total{")]
    return {name.split('"')[1]: round(float(value)) for name, _, value in found if float(value)}


@pytest.mark.parametrize("dialect", ["openai", "shenma"])
async def test_an_end_is_seen_by_the_poll_that_its_webhook_brings(tmp_path: Path, dialect: str) -> None:
    async with told(tmp_path, dialect) as rig:
        videos = await asyncio.gather(*(rig.made() for _ in range(5)))
        assert {video.status for video in videos} == {"completed"}
        assert polls(rig, dialect) <= 3 * len(videos)
        assert (await counted(rig))["hinted"] >= len(videos)
        for job, row in zip(rig.sandboxes[dialect].books().accepted, rig.rows(), strict=True):
            assert row.state == "succeeded", job
        assert_books_agree(rig)


async def test_a_failure_is_told_as_well(tmp_path: Path) -> None:
    async with told(tmp_path, "openai") as rig:
        await rig.sandboxes["openai"].set_faults([{"fault": "fail_at_95"}])
        video = await rig.made()
        assert (video.status, polls(rig, "openai")) == ("failed", 1)
        assert_books_agree(rig)


async def test_polls_that_webhooks_make_needless_are_left_out_once_they_can_be_relied_upon(tmp_path: Path) -> None:
    eager = {**POLLING, "first_after_s": 0.05, "interval_s_min": 0.05, "interval_s_max": 60}
    async with told(tmp_path, "shenma", eager) as rig:
        await asyncio.gather(*(rig.made() for _ in range(8)))
        before = polls(rig, "shenma")
        await asyncio.gather(*(rig.made() for _ in range(8)))
        assert polls(rig, "shenma") - before <= 3 * 8
        assert_books_agree(rig)


async def test_one_that_comes_before_the_answer_to_its_create_is_kept_for_it(tmp_path: Path) -> None:
    async with told(tmp_path, "shenma", time_scale=2000.0) as rig:
        await rig.sandboxes["shenma"].set_faults([{"fault": "late_answer", "delay_s": 0.4}])
        video = await rig.made()
        assert (video.status, polls(rig, "shenma")) == ("completed", 1)
        assert (await counted(rig))["early"] >= 1
        assert_books_agree(rig)


@pytest.mark.parametrize(
    ("dialect", "fault"),
    [
        ("openai", "hook_forged"),
        ("shenma", "hook_forged"),
        ("openai", "hook_duplicate"),
        ("shenma", "hook_out_of_order"),
    ],
)
async def test_whatever_comes_the_outcome_is_the_same_for_a_few_polls(tmp_path: Path, dialect: str, fault: str) -> None:
    async with told(tmp_path, dialect) as rig:
        await rig.sandboxes[dialect].set_faults([{"fault": fault}])
        video = await rig.made()
        assert (video.status, len(rig.rows())) == ("completed", 1)
        assert polls(rig, dialect) <= 3
        assert (await counted(rig)).get("unproven", 0) == (1 if fault == "hook_forged" else 0)
        assert_books_agree(rig)


async def test_a_storm_of_lies_brings_a_poll_now_and_then_and_what_is_true_is_not_lost_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "HINTS_EVERY_S", 0.5)
    async with told(tmp_path, "shenma") as rig:
        await rig.sandboxes["shenma"].set_faults([{"fault": "hook_storm"}])
        video = await rig.made()
        assert video.status == "completed"
        assert polls(rig, "shenma") <= 5
        assert sum((await counted(rig)).values()) >= STORM
        assert_books_agree(rig)


@pytest.mark.parametrize("fault", ["hook_never", "hook_late"])
async def test_lost_ones_cost_time_alone(tmp_path: Path, fault: str) -> None:
    async with told(tmp_path, "shenma", POLLING) as rig:
        await rig.sandboxes["shenma"].set_faults([{"fault": fault}])
        video = await rig.made()
        assert (video.status, "hinted" in await counted(rig)) == ("completed", False)
        assert_books_agree(rig)


async def test_the_address_is_a_secret_and_no_callers_business(tmp_path: Path) -> None:
    async with told(tmp_path, "shenma") as rig:
        seen: list[str] = []
        accept = rig.sandboxes["shenma"].upstream.accept

        def listening(order: Any, *rest: Any) -> Any:
            seen.append(order.hook)
            return accept(order, *rest)

        rig.sandboxes["shenma"].upstream.accept = listening  # type: ignore[method-assign]
        await rig.made(extra_body={"metadata": {"notify_hook": "http://127.0.0.1:9/mine"}})
        async with aiohttp.ClientSession() as session:
            for path in ("/metrics", "/readyz", "/admin/overview"):
                async with session.get(f"{rig.router.admin_url}{path}") as answer:
                    assert "/hooks/" not in await answer.text()
        (address,) = seen
        token = address.rpartition("/")[2]
        assert address == f"{rig.router.url}/hooks/shenma/{token}"
        stored = b"".join(file.read_bytes() for file in tmp_path.glob("router.db*"))
        for secret in (token, RANDOM):
            assert secret not in rig.log.getvalue()
            assert secret.encode() not in stored
        assert "webhooks_arrive" in rig.log.getvalue()
