"""The demo as a reader starts it: processes of its own, free ports, videos on the disk, nothing left running."""

import asyncio
import re
import signal
import sys
from pathlib import Path

import pytest

LIMIT_S = 115
MADE = {
    "01-portrait": (10, "720x1280"),
    "02-landscape": (15, "1280x720"),
    "03-image-file": (10, "720x1280"),
    "04-image-url": (10, "1280x720"),
    "05-eight-seconds": (8, "720x1280"),
    "06-six-or-more": (10, "720x1280"),
    "07-high-definition": (10, "1024x1792"),
    "08-lost-answer": (10, "1280x720"),
    "10-outage": (10, "720x1280"),
    "11-outage-wide": (10, "1280x720"),
}


async def started(folder: Path, *options: str) -> asyncio.subprocess.Process:
    command = (sys.executable, "-m", "providers.sandbox.demo", "--output", str(folder), *options)
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=asyncio.subprocess.STDOUT)


def listening(folder: Path) -> list[int]:
    """Read the ports of both programs from their logs."""
    logs = "".join((folder / name).read_text() for name in ("sandbox.log", "router.log"))
    return [int(port) for port in re.findall(r"http://127\.0\.0\.1:(\d+)", logs)]


async def is_open(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    return True


async def test_the_demo_makes_videos_and_its_accounts_agree(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("an earlier file of the reader's")
    (tmp_path / "09-left-over.mp4").write_text("of an earlier demo")
    process = await started(tmp_path)
    async with asyncio.timeout(LIMIT_S):
        output, _ = await process.communicate()
    text = output.decode()
    assert process.returncode == 0, text
    assert {path.stem for path in tmp_path.glob("*.mp4")} == set(MADE)
    for name, (seconds, size) in MADE.items():
        assert (tmp_path / f"{name}.mp4").read_bytes()[4:8] == b"ftyp"
        assert re.search(rf"{name}\.mp4 +{seconds} s +{size} ", text)
    for line in (
        r"sandbox-openai/sora-2 +sells 4, 8, 12 seconds",
        r"outage .*jizhiai: submit\.unreachable +cheapest of 2 .* 0\.00 *\n +shenma: 10 s delivered +failover +0\.15",
        r"lost answer .*jizhiai: submit\.ambiguous .* 0\.12 \? *\n +shenma: 10 s delivered +failover +0\.15",
        r"refused prompt .*jizhiai: prompt_review\.refused .* 0\.00 *\n +nobody else is asked +input refused",
    ):
        assert re.search(line, text), (line, text)
    assert text.count(" agree") == 3
    assert max(len(line) for line in text.splitlines() if str(tmp_path) not in line) <= 100
    assert (tmp_path / "mine.txt").exists()
    assert not [port for port in listening(tmp_path) if await is_open(port)]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_an_interrupted_demo_takes_both_programs_with_it(tmp_path: Path, number: signal.Signals) -> None:
    process = await started(tmp_path)
    assert process.stdout is not None
    async with asyncio.timeout(LIMIT_S):
        while b"Nine requests" not in (line := await process.stdout.readline()):
            assert line, "it ended before it began"
        assert [await is_open(port) for port in listening(tmp_path)].count(True) >= 5
        process.send_signal(number)
        assert "Traceback" not in (await process.communicate())[0].decode()
    assert process.returncode == 130
    assert not [port for port in listening(tmp_path) if await is_open(port)]


async def test_a_program_that_does_not_start_is_told_with_its_log(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("providers: {}\n")
    process = await started(tmp_path / "output", "--config", str(broken))
    async with asyncio.timeout(LIMIT_S):
        text = (await process.communicate())[0].decode()
    assert process.returncode == 1
    assert "router.log" in text
    assert "Traceback" not in text
