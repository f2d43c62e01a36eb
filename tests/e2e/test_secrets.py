"""Nothing of a caller and no key is shown to an operator: not in a line, a number, the overview or a view of it."""

import asyncio
import base64
import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from subprocess import run
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.process import PATIENT, Served, a_served

# Each secret is a word of its own, so that a failure names the way it took.
CANARY = "canary"
CALLER_KEY, WRONG_KEY = "vr-callerkeycanary", "vr-wrongkeycanary"
PROMPT = "a promptcanary sails"
IMAGE = b"\x89PNG\r\n\x1a\nimagebytescanary"
DATA_URL = "data:image/png;base64," + base64.b64encode(IMAGE).decode()
QUOTING = {
    "error": {"message": f"your prompt '{PROMPT}' at https://u:pwcanary@x/?sig=linkcanary is bad", "code": PROMPT}
}
FAULTS: list[dict[str, Any]] = [
    {"fault": "answer", "http_status": 400, "body": QUOTING, "match": {"prompt_contains": "quoted"}},
    {"fault": "answer", "http_status": 503, "body": f"<p>{PROMPT}</p>", "match": {"prompt_contains": "html"}},
    {
        "fault": "fail_with",
        "words": f"cannot draw {PROMPT}",
        "code": "promptcanary",
        "match": {"prompt_contains": "drawn"},
    },
    {"fault": "answer", "at": "poll", "http_status": 500, "body": QUOTING, "times": 3},
    {"fault": "link_404", "times": 1, "match": {"prompt_contains": "lost"}},
]
BROKEN = ("break-write", "break-read", "break-poll", "break-route", "break-link", "break-thread", "break-task")
STRANGER = '''
"""A dialect that breaks with what it was given in its words."""
import asyncio
import threading
import warnings
from providers import openai
from providers.canonical import Failure, Reason, Stage

seen = []

def __getattr__(name):
    return getattr(openai, name)

def broken(words):
    raise RuntimeError(words)

async def broken_later(words):
    broken(words)

def on(word):
    if word in seen[-1]:
        broken(seen[-1])

def unsupported(video, model):
    if "break-route" in video.prompt and seen.count(video.prompt):
        broken(video.prompt)
    return openai.unsupported(video, model)

def submit_request(video, model):
    seen.append(video.prompt)
    warnings.warn(video.prompt, stacklevel=1)
    if "break-thread" in video.prompt:
        threading.Thread(target=broken, args=(video.prompt,)).start()
    if "break-task" in video.prompt:
        asyncio.get_running_loop().create_task(broken_later(video.prompt))
    on("break-write")
    return openai.submit_request(video, model)

def read_submit(response):
    if "break-route" in seen[-1]:
        return Failure(Stage.SUBMIT, Reason.OVERLOADED, seen[-1], code=seen[-1])
    on("break-read")
    return openai.read_submit(response)

def poll_request(remote_id):
    on("break-poll")
    return openai.poll_request(remote_id)

def read_poll(response):
    return openai.read_poll(response)

def content_request(remote_id, done, variant="video"):
    on("break-link")
    return openai.content_request(remote_id, done, variant)
'''


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Install the dialect for the processes of one test."""
    site = tmp_path / "site"
    info = site / "stranger-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "stranger.py").write_text(STRANGER)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[video_router.dialects]\nstranger = stranger\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    return


def secrets_of(served: Served) -> Iterator[str]:
    yield from (CANARY, base64.b64encode(IMAGE).decode()[-16:], "data:image", "sig=", "Bearer", "?token")
    yield from (sandbox.key for sandbox in served.sandboxes.values())


def add_the_stranger(served: Served) -> None:
    """Let it sell the same as the sandbox that it speaks to, dearer and under its own model."""
    path = served.folder / "router.yaml"
    document = json.loads(path.read_text())
    plain = document["providers"]["openai"]
    (offering,) = plain["offerings"]
    document["providers"]["stranger"] = {**plain, "dialect": "stranger", "offerings": [{**offering, "model": "odd"}]}
    path.write_text(json.dumps(document))


async def create(served: Served, prompt: str, **changes: Any) -> str:
    """Create a video with everything that is nobody's business, and return its id."""
    body = {"prompt": f"{PROMPT} {prompt}", "model": "sora-2", "seconds": "10", "size": "720x1280", **changes}
    body |= {"metadata": {"note": "metadatacanary"}}
    headers = {"Idempotency-Key": f"idempotencycanary-{prompt}"}
    url = f"{served.url}/v1/videos?token=querycanary"
    async with served.http.post(url, json=body, headers=headers) as response:
        video: dict[str, Any] = await response.json()
        assert response.status == 200, video
        return str(video["id"])


async def turned_down(served: Served) -> None:
    """Requests of every kind that are wrong, to both listeners."""
    url = f"{served.url}/v1/videos"
    async with served.http.post(url, headers={"Authorization": f"Bearer {WRONG_KEY}"}) as response:
        assert response.status == 401
    for body in (
        {"prompt": PROMPT, "size": "1x1"},
        {"prompt": [PROMPT]},
        {"prompt": PROMPT, "images": [DATA_URL] * 99},
    ):
        async with served.http.post(url, json=body) as response:
            assert response.status == 400
    for base in (served.url, served.admin_url):
        async with served.http.get(f"{base}/pathcanary?token=querycanary") as response:
            assert response.status == 404
        address = urlsplit(base)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nheadercanary\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.")
        writer.close()


async def reloaded_badly(served: Served) -> None:
    """A file with keys written where they do not belong is refused."""
    path = served.folder / "router.yaml"
    before = path.read_text()
    document = json.loads(before)
    document["providers"]["openai"] |= {"api_key": "sk-literalcanary", "base_url": "http://u:pwcanary@127.0.0.1:1/"}
    path.write_text(json.dumps(document))
    async with served.http.post(f"{served.admin_url}/admin/reload") as response:
        assert response.status == 422
        assert CANARY not in await response.text()
    path.write_text(before)


async def shown(served: Served) -> Mapping[str, str]:
    """Everything that an operator may look at."""
    found: dict[str, str] = {}
    for path in ("/metrics", "/admin/overview", "/readyz"):
        async with served.http.get(f"{served.admin_url}{path}") as response:
            found[path] = await response.text()
    command = (sys.executable, "-m", "router", "top", "--admin", served.admin_url, "--once")
    wide = {**os.environ, "COLUMNS": "200"}
    done = await asyncio.to_thread(run, command, capture_output=True, text=True, env=wide)
    assert "failed at" in done.stdout
    found["top"] = done.stdout + done.stderr
    return found


async def test_nothing_of_a_caller_and_no_key_is_shown_to_an_operator(stranger: None, tmp_path: Path) -> None:
    callers = [{"name": "studio", "key_sha256": hashlib.sha256(CALLER_KEY.encode()).hexdigest()}]
    headers = {"Authorization": f"Bearer {CALLER_KEY}"}
    async with a_served(tmp_path, "jizhiai", "openai", providers=PATIENT, headers=headers, callers=callers) as served:
        await served.sandboxes["jizhiai"].set_faults(FAULTS)
        add_the_stranger(served)
        await served.start()
        only = {"routing": {"only": ["jizhiai"]}}
        jobs = [await create(served, word, **only) for word in ("quoted", "html", "drawn", "lost", "plain")]
        jobs.append(await create(served, "linked", images=["https://x.example/a.png?token=imagequerycanary"]))
        jobs.append(await create(served, "attached", images=[DATA_URL]))
        await asyncio.gather(*(served.ended(job) for job in jobs))
        for word in BROKEN:
            await create(served, word, model="odd")
            await asyncio.sleep(0.1)
        await turned_down(served)
        await reloaded_badly(served)
        found = dict(await shown(served))
        assert await served.stop() == 0
        found["log"] = served.logs[0].read_text()
        for place, text in found.items():
            for secret in secrets_of(served):
                assert secret not in text, f"{place}: {text[max(0, text.find(secret) - 300) :][:600]}"
        events = [json.loads(line) for line in found["log"].splitlines()]
        assert {"config_reload_failed", "attempt_ended", "job_ended", "log"} <= {line["event"] for line in events}
        # The stranger's words were there to be written.
        loggers = {line["logger"] for line in events if line["event"] == "log"}
        assert {"py.warnings", "asyncio", "router.observe.stdlib_logs", "router.engine.engine"} <= loggers
