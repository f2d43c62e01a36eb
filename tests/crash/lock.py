"""Another process that holds the write lock of a database."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

_LOCKER = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], isolation_level=None)
other.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
"""


@asynccontextmanager
async def locked(database: Path) -> AsyncIterator[None]:
    """Hold it until the block is left; the process that has it ends without a word, as any that is killed."""
    command = [sys.executable, "-c", _LOCKER, str(database)]
    locker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert locker.stdout is not None
        assert await asyncio.to_thread(locker.stdout.readline) == "locked\n"
        yield
    finally:
        locker.kill()
        await asyncio.to_thread(locker.communicate)
