"""A provider is drained by the command, both in processes of their own."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from tests.process import Served, a_served


async def commanded(served: Served, *arguments: str) -> str:
    """Run a command about providers to its end, and return what it prints."""
    command = (sys.executable, "-m", "router", "providers", "--admin", served.admin_url, *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode()


async def drained(served: Served) -> dict[str, bool]:
    async with served.http.get(f"{served.admin_url}/readyz") as response:
        ready: dict[str, Any] = await response.json()
    return {name: health["drained"] for name, health in ready["providers"].items()}


async def test_a_drain_outlives_a_reload_and_is_forgotten_by_a_restart(tmp_path: Path) -> None:
    async with a_served(tmp_path, "jizhiai", "shenma") as served:
        await served.start()
        assert "jizhiai is drained: " in await commanded(served, "drain", "jizhiai")
        async with served.http.post(f"{served.admin_url}/admin/reload") as response:
            assert response.status == 200
        assert await drained(served) == {"jizhiai": True, "shenma": False}
        video = await served.ended((await served.create("a boat that comes later"))["id"])
        assert video["status"] == "completed"
        assert [row.provider for row in served.rows()] == ["shenma"]
        await served.kill()
        await served.start()
        assert await drained(served) == {"jizhiai": False, "shenma": False}
