"""LiteLLM's proxy as its documentation starts it for production, in the environment that `make bench-peers` makes."""

import http.client
import json
import os
import re
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.bench.processes import START_S_MAX, Server, process
from tests.bench.servers import CALLER_KEY, UPSTREAM_KEY
from tests.bench.upstream import RUNNING_MODEL, TIMED_MODEL, finished_model

LAUNCHES: Final = {"LiteLLM": [], "LiteLLM granian": ["--run_granian"]}
"""One worker on uvicorn, which is its default, and one on Granian."""
VIDEO_MIB: Final = (8, 64)
_ENVIRONMENT: Final = Path(__file__).parents[2] / ".venv-peers"
_PROGRAM: Final = _ENVIRONMENT / "bin" / "litellm"
_PINNED: Final = Path(__file__).parent / "peers" / "requirements.txt"
_LOOK_EVERY_S: Final = 0.02


def installed() -> bool:
    """Whether it is there to be measured."""
    return (_ENVIRONMENT / "ready").exists()


def version() -> str:
    """Say which one is pinned."""
    found = re.search(r"^litellm==(\S+)", _PINNED.read_text(), re.MULTILINE)
    return found[1] if found else "?"


def video_id_of(model: str, remote_id: str) -> str:
    """Write what it would call an upstream's job: the id holds all that it knows."""
    known = f"litellm:custom_llm_provider:openai;model_id:{model};video_id:{remote_id}"
    return f"video_{b64encode(known.encode()).decode()}"


@contextmanager
def litellm(name: str, folder: Path, core: int | None, upstream: int) -> Iterator[Server]:
    """Run one of LAUNCHES before an upstream's port."""
    config, log, port = folder / "litellm.yaml", folder / f"{name}.log", _free_port()
    config.write_text(json.dumps(_configuration(upstream)))
    arguments = [str(_PROGRAM), "--config", str(config), "--host", "127.0.0.1", "--port", str(port), *LAUNCHES[name]]
    environment = {
        **os.environ,
        "LITELLM_LOG": "ERROR",
        "LITELLM_MODE": "PRODUCTION",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    }
    with process(arguments, log, core, environment) as running:
        _await_answer(running, port, log)
        yield Server(name, running.pid, port)


def _configuration(upstream: int) -> dict[str, Any]:
    models = [RUNNING_MODEL, TIMED_MODEL, *(finished_model(mib) for mib in VIDEO_MIB)]
    base = f"http://127.0.0.1:{upstream}/v1"
    return {
        "model_list": [
            {
                "model_name": model,
                "litellm_params": {"model": f"openai/{model}", "api_base": base, "api_key": UPSTREAM_KEY},
            }
            for model in models
        ],
        "general_settings": {"master_key": CALLER_KEY},
        "litellm_settings": {"telemetry": False},
    }


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _await_answer(running: subprocess.Popen[bytes], port: int, log: Path) -> None:
    give_up_at = time.monotonic() + START_S_MAX
    while running.poll() is None and time.monotonic() < give_up_at:
        if _answers(port):
            return
        time.sleep(_LOOK_EVERY_S)
    raise RuntimeError(f"{running.args!r} does not answer:\n{log.read_text()[-2000:]}")


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_S_MAX)
    try:
        connection.request("GET", "/health/liveliness")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
