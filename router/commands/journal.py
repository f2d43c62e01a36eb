"""`video-router journal`: what became of a file's jobs, as lines that may leave the router."""

import sys
import time

from router.commands.files import readable
from router.commands.options import DATABASE, Database
from router.commands.periods import Since
from router.engine.store.journal_reading import recorded_jobs
from router.simulation.journal import write_journal


def journal(db: Database = DATABASE, since: Since = None) -> None:
    """Write every job and how it went as JSON lines, without prompts, images, links and keys."""
    with readable(db), recorded_jobs(db, None if since is None else time.time() - since) as jobs:
        write_journal(jobs, sys.stdout.buffer)
    sys.stdout.flush()
