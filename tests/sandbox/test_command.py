"""The command: all three upstreams, one control listener, a scenario, a clean end."""

import asyncio
import signal
import socket
import sys
from pathlib import Path

import pytest

from providers.sandbox import Control, FaultError, Sandbox
from providers.sandbox.scenario import read_scenario

COMMAND = (sys.executable, "-m", "providers.sandbox")


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [item.getsockname()[1] for item in held]
    for item in held:
        item.close()
    return ports


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_the_command_serves_until_it_is_told_to_stop(session, tmp_path: Path, number):
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("jizhiai:\n  - {fault: http_500, times: 1}\n")
    ports = free_ports(4)
    names = ("--control-port", "--openai-port", "--jizhiai-port", "--shenma-port")
    options = [part for name, port in zip(names, ports, strict=True) for part in (name, str(port))]
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *options, "--scenario", str(scenario), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        shown = b""
        while b"books and faults" not in shown:
            line = await process.stdout.readline()
            assert line, shown
            shown += line
        for name, port in zip(("openai", "jizhiai", "shenma"), ports[1:], strict=True):
            assert f"http://127.0.0.1:{port}".encode() in shown
            assert f"sk-sandbox-{name}".encode() in shown
        control = f"http://127.0.0.1:{ports[0]}"
        async with session.get(f"{control}/_sandbox/books") as response:
            assert list(await response.json()) == ["openai", "jizhiai", "shenma"]
        async with session.get(f"{control}/jizhiai/_sandbox/faults") as response:
            assert (await response.json())["faults"] == [{"fault": "http_500", "times": 1, "struck": 0}]
        async with session.get(f"{control}/veo/_sandbox/books") as response:
            assert (response.status, "openai, jizhiai, shenma" in await response.text()) == (404, True)
    finally:
        process.send_signal(number)
        assert await process.wait() == 0


async def test_a_port_in_use_is_told_and_ends_with_2():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "--control-port", port, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        _, told = await process.communicate()
    assert process.returncode == 2
    assert port.encode() in told


async def test_two_sandboxes_of_one_control_need_two_names():
    async with Control.start() as control, Sandbox.start("openai", control=control) as first:
        with pytest.raises(ValueError, match="give each its own name"):
            async with Sandbox.start("openai", control=control):
                pass
        async with Sandbox.start("openai", name="spare", control=control) as second:
            assert second.control_url == f"{control.url}/spare"
            assert first.key != second.key


@pytest.mark.parametrize(
    ("text", "hints"),
    [
        ("[", ["is not YAML"]),
        ("- x", ["must map openai, jizhiai, shenma to lists"]),
        ("veo: []\nopenai: [{fault: x}]", ["'veo' is not an upstream", "openai: faults[0].fault"]),
        ("openai: {fault: http_500}", ["must be a list"]),
        ("# " + "x" * 300_000, ["is longer than"]),
    ],
)
def test_a_bad_scenario_is_refused_with_every_mistake(tmp_path: Path, text, hints):
    path = tmp_path / "scenario.yaml"
    path.write_text(text)
    with pytest.raises(FaultError) as told:
        read_scenario(path)
    for hint in hints:
        assert hint in str(told.value)


def test_a_missing_scenario_is_told(tmp_path: Path):
    with pytest.raises(FaultError, match="cannot be read: No such file"):
        read_scenario(tmp_path / "none.yaml")


def test_a_scenario_may_be_json(tmp_path: Path):
    path = tmp_path / "scenario.json"
    path.write_text('{"shenma": [{"fault": "fail_at_95", "share": 0.5}]}')
    ((name, rules),) = read_scenario(path).items()
    assert (name, rules[0].share) == ("shenma", 0.5)
