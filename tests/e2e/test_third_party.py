"""A stranger's dialect: installed as a package, certified, and served, without a line changed in the router."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from router.core.ledger import CostKind
from tests.process import Served, a_served
from tests.third_party.upstream import KEY, Studio, a_studio

ROOT = Path(__file__).parent.parent.parent
SOURCE = ROOT / "tests" / "third_party" / "acme_video"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the stranger's package is installed into, built from its source as pip does."""
    folder = tmp_path_factory.mktemp("third_party")
    source = shutil.copytree(SOURCE, folder / "source", ignore=shutil.ignore_patterns("__pycache__"))
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet")
    command = [sys.executable, "-m", "pip", "install", *offline, "--target", str(folder / "site"), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


def with_path(folder: Path) -> Mapping[str, str]:
    return {**os.environ, "PYTHONPATH": str(folder)}


def test_an_installed_dialect_is_certified_by_its_name(installed: Path) -> None:
    command = [sys.executable, "-m", "router", "certify", "acme", "--bodies", "300", "--json"]
    done = subprocess.run(command, env=with_path(installed), cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (certificate,) = json.loads(done.stdout)
    assert (certificate["subject"], certificate["certified"]) == ("acme", True)
    assert certificate["exchanges"] == len(list((SOURCE / "acme_video" / "exchanges").glob("*.json")))


def test_without_its_package_the_dialect_is_unknown_and_the_known_ones_are_named() -> None:
    command = [sys.executable, "-m", "router", "certify", "acme"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "unknown dialect 'acme'; known: jizhiai, openai, shenma" in done.stderr


def add_the_studio(served: Served, studio: Studio, per_clip: str) -> None:
    """Configure the studio as one more provider, beside the sandboxes and as patient as they."""
    path = served.folder / "router.yaml"
    document: dict[str, Any] = json.loads(path.read_text())
    (plain,) = document["providers"].values()
    key_file = served.folder / "studio.key"
    key_file.write_text(KEY)
    (offering,) = plain["offerings"]
    document["providers"]["studio"] = {
        **plain,
        "dialect": "acme",
        "base_url": studio.url,
        "api_key": {"file": str(key_file)},
        "asset_hosts": [studio.host],
        "offerings": [{**offering, "upstream_model": "brush-2", "price": {"per_clip": per_clip}}],
    }
    path.write_text(json.dumps(document))


async def made(served: Served) -> bytes:
    """Have a video made and fetch it, with the official SDK."""
    async with AsyncOpenAI(base_url=f"{served.url}/v1", api_key="unused", max_retries=0) as client:
        video = await client.videos.create_and_poll(
            prompt="a paper boat",
            model="sora-2",
            seconds="10",
            size="720x1280",  # type: ignore[arg-type]
        )
        assert video.status == "completed", video.error
        return (await client.videos.download_content(video.id)).content


@pytest.mark.parametrize("first", ["studio", "sandbox"])
async def test_a_strangers_dialect_serves_jobs_and_takes_part_in_failover(
    first: str, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(installed))
    problem = {"kind": "studio_closed", "text": "everybody went home"} if first == "studio" else None
    async with (
        a_studio(problem) as studio,
        a_served(tmp_path, "shenma") as served,
    ):
        sandbox = served.sandboxes["shenma"]
        add_the_studio(served, studio, "0.05" if first == "studio" else "0.50")
        if first == "sandbox":
            await sandbox.set_faults([{"fault": "rate_limited"}])
        await served.start()
        assert b"ftyp" in (await made(served))[:16]
        rows = sorted(served.rows(), key=lambda row: row.number)
        told = [(row.provider, row.stage, row.reason) for row in rows[:-1]]
        assert (rows[-1].provider, rows[-1].cost_kind) == (
            "shenma" if first == "studio" else "studio",
            CostKind.DELIVERED,
        )
        assert told == (
            [("studio", "generate", "other")] if first == "studio" else [("shenma", "submit", "rate_limited")]
        )
        (job,) = studio.jobs
        assert (job["engine"], job["text"], job["length_s"]) == ("brush-2", "a paper boat", 10)
        assert job["frame"] == {"w": 720, "h": 1280}
        assert set(studio.keys_shown_for_files) == (set() if first == "studio" else {None})


def test_the_router_knows_nothing_of_the_stranger() -> None:
    naming = [path for path in (ROOT / "router").rglob("*") if path.is_file() and b"acme" in path.read_bytes().lower()]
    assert naming == []
