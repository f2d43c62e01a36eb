"""The configuration changes under a running router: at once, as a whole, and without losing a job or a cent."""

import asyncio
import hashlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from signal import SIGHUP
from typing import Any

import pytest
import yaml
from aiohttp import ClientResponse

from router.app import PROVIDERS_KEPT_MAX, Place
from router.config import ConfigError, load
from router.core.ledger import CostKind
from tests.process import PATIENT, Served, a_served
from tests.rig import a_rig

Document = dict[str, Any]


def edit(served: Served, change: Callable[[Document], object]) -> None:
    """Change the file at once, as tools do that put another in its place."""
    file = served.folder / "router.yaml"
    document = json.loads(file.read_text())
    change(document)
    written = file.with_suffix(".new")
    written.write_text(json.dumps(document))
    written.replace(file)


def price(document: Document, provider: str, amount: str) -> None:
    for offering in document["providers"][provider]["offerings"]:
        offering["price"] = {"per_clip": amount}


async def reload(served: Served) -> Document:
    """Let the file be read; AssertionError with the answer when it is refused."""
    async with served.http.post(f"{served.admin_url}/admin/reload") as response:
        answer: Document = await response.json()
        assert response.status == 200, answer
        return answer


async def refusal(response: ClientResponse) -> Document:
    assert response.status == 422
    error: Document = (await response.json())["error"]
    return error


async def made(served: Served, prompt: str = "a paper boat") -> Document:
    return await served.ended((await served.create(prompt))["id"])


def buyers(served: Served) -> list[str]:
    """Name the provider of every attempt, in the order of the submits."""
    return [row.provider for row in sorted(served.rows(), key=lambda row: row.submitted_at)]


def logged(served: Served, event: str) -> list[Document]:
    lines = (json.loads(line) for line in served.logs[-1].read_text().splitlines() if line.endswith("}"))
    return [line for line in lines if line["event"] == event]


async def until(holds: Callable[[], object], limit_s: float = 10.0) -> None:
    async with asyncio.timeout(limit_s):
        while not holds():
            await asyncio.sleep(0.02)


async def metric(served: Served, series: str) -> float | None:
    async with served.http.get(f"{served.admin_url}/metrics") as response:
        for line in (await response.text()).splitlines():
            if line.startswith(f"video_router_{series} "):
                return float(line.rpartition(" ")[2])
    return None


async def test_a_price_that_fell_moves_the_traffic_and_live_attempts_keep_their_quote(tmp_path: Path) -> None:
    async with a_served(tmp_path, "jizhiai", "shenma", time_scale=60) as served:
        await served.start()
        before = (await served.create("before"))["id"]
        await served.accepted(1)
        edit(served, lambda document: price(document, "shenma", "0.01"))
        answer = await reload(served)
        place = "providers.shenma.offerings[0].price.per_clip"
        assert answer["changes"] == [f"{place}: 0.15 for 10 s, 0.20 for 15 s -> 0.01"]
        after = (await served.create("after"))["id"]
        videos = await asyncio.gather(served.ended(before), served.ended(after))
        assert [video["status"] for video in videos] == ["completed", "completed"]
        assert buyers(served) == ["jizhiai", "shenma"]
        assert {row.provider: row.quote_microusd for row in served.rows()} == {"jizhiai": 120_000, "shenma": 10_000}
        assert await reload(served) == {**answer, "changes": []}


async def test_a_provider_that_a_sighup_adds_is_sold_counted_and_logged(tmp_path: Path) -> None:
    async with a_served(tmp_path, "shenma", "jizhiai") as served:
        whole = json.loads((tmp_path / "router.yaml").read_text())
        edit(served, lambda document: document["providers"].pop("jizhiai"))
        await served.start()
        assert (await made(served))["status"] == "completed"
        edit(served, lambda document: document.update(whole))
        served.signal(SIGHUP)
        await until(lambda: len(logged(served, "config_reloaded")) == 2)
        started, reloaded = logged(served, "config_reloaded")
        assert "changes" not in started
        assert reloaded["changes"] == "providers.jizhiai: added"
        assert reloaded["digest"] == hashlib.sha256((tmp_path / "router.yaml").read_bytes()).hexdigest()[:12]
        assert await metric(served, 'provider_in_flight_limit{provider="jizhiai"}') == 100
        assert (await made(served))["status"] == "completed"
        assert buyers(served) == ["shenma", "jizhiai"]
        assert await metric(served, 'config_reloads_total{result="success"}') == 2


async def test_a_provider_that_was_removed_finishes_its_video_and_gets_no_other(tmp_path: Path) -> None:
    async with a_served(tmp_path, "jizhiai", "shenma", time_scale=60) as served:
        await served.start()
        running = (await served.create("running"))["id"]
        await served.accepted(1)
        edit(served, lambda document: document["providers"].pop("jizhiai"))
        assert (await reload(served))["changes"] == ["providers.jizhiai: removed"]
        later = (await served.create("later"))["id"]
        only = {"only": ["jizhiai"]}
        body = {"prompt": "never", "model": "sora-2", "seconds": "10", "size": "720x1280", "routing": only}
        async with served.http.post(f"{served.url}/v1/videos", json=body) as response:
            assert response.status == 400
            assert "jizhiai" not in (await response.json())["error"]["message"].replace("routing.only", "")
        for video_id in (running, later):
            assert (await served.ended(video_id))["status"] == "completed"
            assert await served.content(video_id)
        assert buyers(served) == ["jizhiai", "shenma"]
        assert served.sandboxes["jizhiai"].books().requests["create"] == 1


async def test_a_late_attempt_of_a_removed_provider_is_watched_until_its_money_is_known(tmp_path: Path) -> None:
    slow = {**PATIENT, "polling": {"first_after_s": 0.02, "interval_s_min": 0.02, "interval_s_max": 0.1}}
    slow["polling"] |= {"stall_s": 0.3, "deadline_s": 0.5, "late_interval_s": 0.1, "late_s_max": 60}
    async with a_served(tmp_path, "jizhiai", "shenma", time_scale=60, providers=slow) as served:
        edit(served, lambda document: document["providers"]["shenma"]["polling"].update(stall_s=20, deadline_s=20))
        await served.start()
        video_id = (await served.create("late"))["id"]
        await until(lambda: [row.state for row in served.rows()][:1] == ["late"])
        edit(served, lambda document: document["providers"].pop("jizhiai"))
        await reload(served)
        assert (await served.ended(video_id))["status"] == "completed"
        await until(lambda: not any(row.open_microusd for row in served.rows()))
        assert {row.cost_kind for row in served.rows()} <= {CostKind.DELIVERED, CostKind.DUPLICATE}


async def test_a_broken_file_changes_nothing_and_is_told_with_everything_that_is_wrong(tmp_path: Path) -> None:
    async with a_served(tmp_path, "jizhiai") as served:
        await served.start()
        file = served.folder / "router.yaml"
        sound = file.read_text()
        edit(served, lambda document: document["providers"]["jizhiai"].update(in_flght_max=1, in_flight_max=0))
        async with served.http.post(f"{served.admin_url}/admin/reload") as response:
            error = await refusal(response)
        assert (error["type"], error["code"]) == ("invalid_request_error", "config_invalid")
        assert (
            f"{file}:1: providers.jizhiai.in_flght_max: unknown key; did you mean `in_flight_max`?" in error["message"]
        )
        assert "providers.jizhiai.in_flight_max: must be at least 1" in error["message"]
        (failed,) = logged(served, "config_reload_failed")
        assert (failed["level"], failed["problems"].count("providers.jizhiai")) == ("error", 2)
        assert await metric(served, "config_last_reload_successful") == 0
        assert (await made(served))["status"] == "completed"
        for text in ("{", "providers: {}", ""):
            file.write_text(text)
            async with served.http.post(f"{served.admin_url}/admin/reload") as response:
                assert str(file) in (await refusal(response))["message"]
        file.unlink()
        async with served.http.post(f"{served.admin_url}/admin/reload") as response:
            assert "cannot be read: No such file" in (await refusal(response))["message"]
        file.write_text(sound)
        assert (await reload(served))["changes"] == []
        assert await metric(served, "config_last_reload_successful") == 1
        assert (await made(served))["status"] == "completed"


async def test_a_rotated_key_is_used_at_once_and_ends_the_outage_of_the_old_one(tmp_path: Path) -> None:
    async with a_served(tmp_path, "jizhiai", "shenma") as served:
        await served.start()
        served.sandboxes["jizhiai"].upstream.key = "sk-sandbox-rotated"
        assert (await made(served))["status"] == "completed"
        assert buyers(served) == ["jizhiai", "shenma"]
        # Out for a quarter of an hour, unless somebody does something about it.
        assert (await made(served))["status"] == "completed"
        assert buyers(served)[2:] == ["shenma"]
        (tmp_path / "jizhiai.key").write_text("sk-sandbox-rotated")
        assert (await reload(served))["changes"] == ["providers.jizhiai.api_key: another key"]
        assert (await made(served))["status"] == "completed"
        assert buyers(served)[3:] == ["jizhiai"]
        assert "sk-sandbox" not in served.logs[-1].read_text()


async def test_a_key_that_is_rotated_under_a_running_video_fetches_it(tmp_path: Path) -> None:
    async with a_served(tmp_path, "jizhiai", time_scale=60) as served:
        await served.start()
        video_id = (await served.create("running"))["id"]
        await served.accepted(1)
        served.sandboxes["jizhiai"].upstream.key = "sk-sandbox-rotated"
        (tmp_path / "jizhiai.key").write_text("sk-sandbox-rotated")
        await reload(served)
        assert (await served.ended(video_id))["status"] == "completed"
        assert await served.content(video_id)


async def test_a_caller_whose_key_was_revoked_is_turned_away_at_once_and_others_are_not(tmp_path: Path) -> None:
    keys = {name: f"vr-{name}-key" for name in ("alice", "bob")}
    callers = [{"name": name, "key_sha256": hashlib.sha256(key.encode()).hexdigest()} for name, key in keys.items()]
    async with a_served(tmp_path, "jizhiai", callers=callers) as served:
        await served.start()

        async def status(name: str) -> int:
            headers = {"Authorization": f"Bearer {keys[name]}"}
            async with served.http.get(f"{served.url}/v1/videos", headers=headers) as response:
                return response.status

        assert [await status(name) for name in keys] == [200, 200]
        edit(served, lambda document: document["callers"].pop(0))
        assert (await reload(served))["changes"] == ["callers.alice: removed"]
        assert [await status(name) for name in keys] == [401, 200]


async def test_fifty_reloads_at_once_under_load_lose_no_job_and_no_cent(tmp_path: Path) -> None:
    async with a_served(tmp_path, "jizhiai", "shenma", "openai") as served:
        whole = json.loads((tmp_path / "router.yaml").read_text())
        await served.start()

        def another(number: int) -> None:
            def change(document: Document) -> None:
                document["providers"] = dict(whole["providers"])
                if number % 3:
                    document["providers"].pop(("jizhiai", "shenma", "openai")[number % 5 % 3])
                document["routing"] = {"policy": ("expected_cost", "weighted", "priority", "fastest")[number % 4]}
                document["policy"]["max_attempts"] = 3 + number % 2

            edit(served, change)

        async def reloads() -> list[Document]:
            answers: list[asyncio.Task[Document]] = []
            for number in range(50):
                another(number)
                answers.append(asyncio.create_task(reload(served)))
                await asyncio.sleep(0.01)
            return list(await asyncio.gather(*answers))

        videos, answers = await asyncio.gather(
            asyncio.gather(*(made(served, f"scene {number}") for number in range(60))), reloads()
        )
        assert Counter(video["status"] for video in videos) == {"completed": 60}
        assert any(answer["changes"] for answer in answers)
        rows = served.rows()
        for name, sandbox in served.sandboxes.items():
            mine = [row for row in rows if row.provider == name]
            assert sandbox.books().totals.net_microusd == sum(row.posted_microusd for row in mine)
            assert not any(row.open_microusd for row in mine)
        assert await metric(served, "jobs_in_flight") in (0, None)
        assert not logged(served, "config_reload_failed")
        readyz = await (await served.http.get(f"{served.admin_url}/readyz")).json()
        assert {name: each["in_flight"] for name, each in readyz["providers"].items()} == dict.fromkeys(
            served.sandboxes, 0
        )


async def test_a_raised_budget_is_in_force_at_once_and_what_was_used_today_stays_used(tmp_path: Path) -> None:
    def limit(amount: str) -> None:
        document = yaml.safe_load((tmp_path / "router.yaml").read_text())
        document["providers"]["jizhiai"]["daily_budget_usd"] = amount
        (tmp_path / "router.yaml").write_text(json.dumps(document))

    async with a_rig(tmp_path, "jizhiai", "shenma") as rig:

        async def bought_from() -> str:
            assert (await rig.made(prompt="a kite")).status == "completed"
            return max(rig.rows(), key=lambda row: row.submitted_at).provider

        assert await bought_from() == "jizhiai"
        limit("0.20")
        assert (await rig.router.reload()).changes == ("providers.jizhiai.daily_budget_usd: unset -> 0.20",)
        assert await bought_from() == "shenma"
        limit("0.30")
        await rig.router.reload()
        assert [await bought_from(), await bought_from()] == ["jizhiai", "shenma"]


async def test_the_jobs_that_a_removed_caller_left_are_bought_within_its_budget(tmp_path: Path) -> None:
    digests = {name: hashlib.sha256(f"vr-{name}".encode()).hexdigest() for name in ("alice", "bob")}
    callers = [{"name": name, "key_sha256": each, "daily_budget_usd": "0.14"} for name, each in digests.items()]
    async with a_rig(tmp_path, "jizhiai", "shenma", time_scale=100, callers=callers) as rig:
        await rig.sandboxes["jizhiai"].set_faults([{"fault": "fail_at_95"}])
        await rig.client.with_options(api_key="vr-alice").videos.create(prompt="a kite")
        await until(rig.rows)
        document = yaml.safe_load((tmp_path / "router.yaml").read_text())
        (tmp_path / "router.yaml").write_text(json.dumps({**document, "callers": callers[1:]}))
        assert (await rig.router.reload()).changes == ("callers.alice: removed",)
        await until(lambda: not rig.router.engine._runs)
        assert [row.provider for row in rig.rows()] == ["jizhiai"]


async def test_removed_providers_are_kept_up_to_a_limit_and_then_a_restart_is_asked_for(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai") as rig:
        file = tmp_path / "router.yaml"
        document = yaml.safe_load(file.read_text())
        template = document["providers"]["jizhiai"]
        for generation in range(PROVIDERS_KEPT_MAX // 60):
            document["providers"] = {"jizhiai": template} | {f"g{generation}-{each}": template for each in range(60)}
            file.write_text(json.dumps(document))
            assert not (await rig.router.reload()).problems
        document["providers"] = {"jizhiai": template} | {f"last-{each}": template for each in range(60)}
        file.write_text(json.dumps(document))
        (problem,) = (await rig.router.reload()).problems
        assert f"providers: at most {PROVIDERS_KEPT_MAX} are known at once" in problem
        assert "restart" in problem
        assert (await rig.made()).status == "completed"


async def test_a_router_that_strangers_reach_keeps_its_callers(tmp_path: Path) -> None:
    async with a_rig(tmp_path, "jizhiai"):
        settings = load(tmp_path / "router.yaml", {})
        Place("localhost", 0, "127.0.0.1", 0, tmp_path).require_callers(settings)
        with pytest.raises(ConfigError, match=r"callers: is empty, so anybody who reaches 0\.0\.0\.0 could"):
            Place("0.0.0.0", 0, "127.0.0.1", 0, tmp_path).require_callers(settings)
