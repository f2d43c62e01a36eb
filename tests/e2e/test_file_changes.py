"""A running router notices that its configuration was saved; what it has learned of everybody else stays."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGHUP
from typing import Any

import pytest
import yaml

from providers.canonical import Size, VideoRequest
from router.core.decision_record import CandidateRecord
from router.core.preferences import RoutingPreferences
from tests.e2e.test_reload import Document, buyers, edit, logged, made, metric, price, reload, until
from tests.process import a_served
from tests.rig import Rig, a_rig

OFTEN_S = 0.05
SELDOM: Document = {"breaker": {"volume_min": 1000}}
VIDEO = VideoRequest("a kite", "sora-2", 10, Size(720, 1280))


async def test_a_process_takes_over_what_is_saved_refuses_what_is_broken_once_and_stops_cleanly(tmp_path: Path) -> None:
    async with a_served(tmp_path, "jizhiai", "shenma") as served:
        served.watch_s = OFTEN_S
        await served.start()
        edit(served, lambda document: price(document, "shenma", "0.01"))
        await until(lambda: len(logged(served, "config_reloaded")) == 2)
        assert "shenma.offerings[0].price.per_clip" in logged(served, "config_reloaded")[1]["changes"]
        assert (await made(served))["status"] == "completed"
        assert buyers(served) == ["shenma"]
        file = served.folder / "router.yaml"
        sound = file.read_text()
        file.write_text("providers: {}")
        await until(lambda: logged(served, "config_reload_failed"))
        await asyncio.sleep(6 * OFTEN_S)
        assert len(logged(served, "config_reload_failed")) == 1
        assert await metric(served, "config_last_reload_successful") == 0
        # Who asks is answered, whatever was said before.
        served.signal(SIGHUP)
        await until(lambda: len(logged(served, "config_reload_failed")) == 2)
        file.write_text(sound)
        await until(lambda: len(logged(served, "config_reloaded")) == 3)
        assert await metric(served, "config_last_reload_successful") == 1
        assert (await reload(served))["changes"] == []
        await asyncio.sleep(6 * OFTEN_S)
        assert len(logged(served, "config_reloaded")) == 4
        assert await served.stop() == 0


def save(folder: Path, change: Callable[[Document], object]) -> None:
    document = yaml.safe_load((folder / "router.yaml").read_text())
    change(document)
    (folder / "router.yaml").write_text(json.dumps(document))


async def told(rig: Rig, count: int) -> dict[str, Any]:
    """Wait until so many configurations were in force, the first included; return what was said of the last."""

    def lines() -> list[dict[str, Any]]:
        said = (json.loads(line) for line in rig.log.getvalue().splitlines())
        return [line for line in said if line["event"] == "config_reloaded"]

    await until(lambda: len(lines()) >= count)
    return lines()[-1]


def candidates(rig: Rig) -> dict[str, CandidateRecord]:
    """Ask who would take a job now, and what is known of him."""
    found = rig.router.engine.quote(VIDEO, RoutingPreferences(), "").candidates
    return {each.provider: each for each in found}


async def bought_from(rig: Rig, jobs: int = 1) -> list[str]:
    before = len(rig.rows())
    for _ in range(jobs):
        assert (await rig.made(prompt="a kite")).status == "completed"
    return [row.provider for row in sorted(rig.rows(), key=lambda row: row.submitted_at)[before:]]


async def test_who_was_ejected_stays_so_when_somebody_elses_price_changes(tmp_path: Path) -> None:
    strict = {"jizhiai": {"breaker": {"volume_min": 2, "reset_s": 300}}}
    async with a_rig(tmp_path, "jizhiai", "shenma", providers=strict, watch_s=OFTEN_S) as rig:
        await rig.sandboxes["jizhiai"].set_faults([{"fault": "http_503"}])
        assert await bought_from(rig, 2) == ["jizhiai", "shenma"] * 2
        await rig.sandboxes["jizhiai"].set_faults([])
        save(tmp_path, lambda document: price(document, "shenma", "0.16"))
        assert "0.16" in (await told(rig, 2))["changes"]
        assert await bought_from(rig) == ["shenma"]
        assert list(candidates(rig)) == ["shenma"]


async def test_what_was_learned_of_offerings_stays_when_the_file_changes(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai", "shenma", providers={"jizhiai": SELDOM}, watch_s=OFTEN_S) as rig:
        await rig.sandboxes["jizhiai"].set_faults([{"fault": "fail_at_95", "times": 2}])
        await bought_from(rig, 4)
        before = candidates(rig)
        assert sum(each.outcomes for each in before.values()) == pytest.approx(len(rig.rows()), abs=0.1)
        assert before["jizhiai"].success_low < before["shenma"].success_low

        def change(document: Document) -> None:
            document["routing"] = {"undelivered_usd": "2.00"}
            document["providers"]["shenma"]["in_flight_max"] = 7

        save(tmp_path, change)
        await told(rig, 2)
        after = candidates(rig)
        for name, each in before.items():
            assert after[name].outcomes == pytest.approx(each.outcomes, rel=0.05)
            assert after[name].success_low == pytest.approx(each.success_low, rel=0.05)
            assert (after[name].p50_s, after[name].p90_s) == (each.p50_s, each.p90_s)
            assert after[name].risk_microusd == pytest.approx(2 * each.risk_microusd, rel=0.1)


async def test_an_end_that_comes_near_is_a_warning_in_the_log_of_the_reload(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai", "shenma", watch_s=OFTEN_S) as rig:
        started = await told(rig, 1)
        assert (started["level"], "warnings" in started) == ("info", False)
        day = (datetime.now(UTC) + timedelta(days=12)).date().isoformat()

        def change(document: Document) -> None:
            document["providers"]["shenma"]["offerings"][0]["available_until"] = day
            document["providers"]["jizhiai"]["drained"] = True

        save(tmp_path, change)
        last = await told(rig, 2)
        assert last["level"] == "warning"
        assert f"sora-2 ends in 12 days, on {day}; from then on nobody sells sora-2" in last["warnings"]
        assert await bought_from(rig) == ["shenma"]


async def test_a_flood_of_saves_under_load_ends_with_the_last_one_and_loses_no_job(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai", "shenma", watch_s=0.01) as rig:

        async def saves() -> None:
            for number in range(20):
                routing = {"half_life_s": 100 + number}
                save(tmp_path, lambda document, routing=routing: document.update(routing=routing))
                await asyncio.sleep(0.02)

        jobs = (rig.made(prompt=f"scene {number}") for number in range(20))
        videos, _ = await asyncio.gather(asyncio.gather(*jobs), saves())
        assert {video.status for video in videos} == {"completed"}
        await until(lambda: rig.router.engine._parts.routing.half_life_s == 119)
