"""compose.yaml and the Dockerfile, as far as files tell: no engine takes part in the tests."""

import asyncio
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from providers.sandbox.caller import KEY
from providers.sandbox.scenario import read_scenario
from router.config.loading import load
from tests.prometheus import require
from tests.rig import a_rig

ROOT = Path(__file__).parent.parent
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
ROUTER_CONFIG = "/etc/video-router/"
each_service = pytest.mark.parametrize("name", SERVICES)


def filled(text: str) -> str:
    """Replace ${NAME:-default} by its default, as compose does where nothing is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def binds(service: dict[str, Any]) -> Iterator[tuple[Path, str, str]]:
    for volume in service.get("volumes", ()):
        source, target, *mode = volume.split(":")
        if source.startswith("."):
            yield ROOT / source, target, "".join(mode)


def example_environ() -> dict[str, str]:
    lines = (ROOT / "config" / "example.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@each_service
def test_whatever_is_mounted_from_the_checkout_exists_and_cannot_be_written(name: str) -> None:
    for source, target, mode in binds(SERVICES[name]):
        assert source.exists(), source
        assert mode == "ro", target


@each_service
def test_named_volumes_are_declared(name: str) -> None:
    named = {volume.split(":")[0] for volume in SERVICES[name].get("volumes", ()) if not volume.startswith(".")}
    assert named <= set(COMPOSE["volumes"])


@each_service
def test_ports_are_published_on_loopback_only(name: str) -> None:
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in SERVICES[name].get("ports", ()))


@each_service
def test_images_are_pinned_and_containers_can_do_little(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"[a-z/-]+:(local|v?\d+\.\d+\.\d+)", service["image"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert service["pids_limit"] <= 200
    assert service["restart"] in ("unless-stopped", "on-failure")


def test_base_images_of_the_dockerfile_are_pinned() -> None:
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert len(images) == 2
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+", image) for image in images)


def test_no_secret_stands_in_compose() -> None:
    named = {key for service in SERVICES.values() for key in service.get("environment", ())}
    assert not [key for key in named if re.search("KEY|TOKEN|SECRET|PASSWORD", key)]
    assert "sk-" not in (ROOT / "compose.yaml").read_text(encoding="utf-8")


@each_service
def test_a_service_waits_for_health_only_where_health_is_checked(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        checked = "healthcheck" in SERVICES[other] or (SERVICES[other]["image"] == "video-router:local")
        assert checked or how["condition"] == "service_started"
        assert set(SERVICES[other].get("profiles", ())) <= set(SERVICES[name].get("profiles", ()))


@pytest.mark.parametrize("config", ["demo.yaml", "router.yaml"])
def test_a_configuration_and_its_keys_are_where_the_router_looks_for_them(config: str) -> None:
    router = SERVICES["router"]
    (option,) = (each for each in router["command"] if each.startswith("--config="))
    (mounted,) = (source for source, target, _ in binds(router) if f"{target}/" == ROUTER_CONFIG)
    assert filled(option) == f"--config={ROUTER_CONFIG}demo.yaml"
    assert [filled(each) for each in router["env_file"]] == ["config/example.env"]
    load(mounted / config, example_environ())


def test_the_key_that_everybody_knows_opens_nothing_but_the_sandbox() -> None:
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    knowing = [path for path in (ROOT / "config").glob("*.yaml") if digest in path.read_text(encoding="utf-8")]
    assert [path.name for path in knowing] == ["demo.yaml"]
    settings = load(knowing[0], example_environ())
    assert all(account.base_url.startswith("http://127.0.0.1:950") for account in settings.accounts.values())
    assert SERVICES["sandbox"]["network_mode"] == "service:router"


def test_the_scenario_is_one_that_the_sandbox_reads() -> None:
    assert all(read_scenario(ROOT / "config" / "scenario.yaml").values())


def test_prometheus_reads_its_files_as_its_container_has_them(tmp_path: Path) -> None:
    promtool, mounted = require("promtool"), tmp_path / "etc"
    for source, target, _ in binds(SERVICES["prometheus"]):
        place = mounted / target.removeprefix("/etc/prometheus/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(source)
    run = subprocess.run(
        [promtool, "check", "config", str(mounted / "config" / "prometheus.yml")],
        check=False,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    assert "WARNING" not in run.stdout + run.stderr
    (target,) = yaml.safe_load((mounted / "config" / "targets.yml").read_text())[0]["targets"]
    host, _, port = target.partition(":")
    assert host in SERVICES
    assert f"EXPOSE 8080 {port}" in DOCKERFILE


def test_grafana_gets_every_variable_that_its_provisioning_names() -> None:
    grafana = SERVICES["grafana"]
    named = {
        variable
        for path in (ROOT / "grafana" / "provisioning").rglob("*.yaml")
        for variable in re.findall(r"(?<!\$)\$\{(\w+)\}", path.read_text(encoding="utf-8"))
    }
    assert named <= set(grafana["environment"])
    targets = {target: source for source, target, _ in binds(grafana)}
    assert targets[grafana["environment"]["VIDEO_ROUTER_DASHBOARDS"]] == ROOT / "grafana/dashboards"
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert (targets[str(home.parent)] / home.name).is_file()
    readme = (ROOT / "grafana" / "README.md").read_text(encoding="utf-8")
    assert all(f"{variable}=" in readme for variable in named)


def test_the_dockerfile_copies_what_exists_and_what_is_not_ignored() -> None:
    admitted = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE):
        *sources, _ = line.split()
        for source in sources:
            assert (ROOT / source).exists()
            assert f"!{source}" in admitted


def test_the_image_is_built_from_locked_packages_and_runs_without_rights() -> None:
    installs = re.findall(r"pip (?:--python \S+ )?install ([^&\n]+)", DOCKERFILE)
    assert len(installs) == 3
    assert all("--require-hashes" in each or "--no-deps --no-index" in each for each in installs)
    last = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    assert "pip" not in last
    assert re.search(r"^USER 10001", last, re.MULTILINE)
    assert re.search(r'^ENTRYPOINT \["video-router"\]$', last, re.MULTILINE)


async def test_the_health_check_tells_a_router_that_answers_from_one_that_is_gone(tmp_path: Path) -> None:
    (command,) = re.findall(r"^    CMD (\[.+\])$", DOCKERFILE, re.MULTILINE)
    _, *arguments = json.loads(command)

    async def checked(port: str) -> int:
        run = [sys.executable, *(each.replace("9091", port) for each in arguments)]
        done = await asyncio.to_thread(subprocess.run, run, check=False, capture_output=True, timeout=30)
        return done.returncode

    async with a_rig(tmp_path, "openai") as rig:
        port = rig.router.admin_url.rpartition(":")[2]
        assert await checked(port) == 0
    assert await checked(port) == 1


def test_what_builds_the_wheel_is_what_the_tests_build_with() -> None:
    def pinned(name: str) -> set[str]:
        return set(re.findall(r"^([a-z0-9-]+==\S+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE))

    assert {each.partition("==")[0] for each in pinned("requirements-build.txt")} >= {"hatchling"}
    assert pinned("requirements-build.txt") <= pinned("requirements-dev.txt")
