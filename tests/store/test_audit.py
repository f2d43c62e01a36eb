"""Whatever is broken in a file is found and named, and nothing is found in one that is sound."""

import sqlite3
from contextlib import closing
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from providers.canonical import Reason, Stage
from router.cli import cli
from router.core.idempotency import IdempotencyKey
from router.core.job import AttemptState
from router.core.ledger import CostKind, posted, voided
from router.engine.store import Store
from tests.builders import EPOCH
from tests.store.lives import adjusted, delivered, given_up, lost, refused, running, started, the_job

COMMAND = CliRunner()


async def a_varied_life(store: Store) -> None:
    """Make a job of every kind: 1 delivered at the second try, 2 refused, 3 lost, 4 late, 5 late and then a duplicate,
    6 under way, 7 waiting, 8 lost and then billed, 9 lost and then found, and corrections of two of them."""
    job = the_job(1)
    job, attempt = await started(store, await store.add_job(job, IdempotencyKey(job.caller, "key", "print")))
    failed = attempt.moved(AttemptState.FAILED, ended_at=EPOCH + 1, stage=Stage.SUBMIT, reason=Reason.OVERLOADED)
    await store.settle(attempt, failed, voided(failed, EPOCH + 1), job, job.with_attempt(failed))
    await delivered(store, *await running(store, job.with_attempt(failed), 2, provider="beta"), cost_microusd=90_000)
    await refused(store, *await started(store, await store.add_job(the_job(2))))
    await lost(store, *await started(store, await store.add_job(the_job(3))))
    await given_up(store, *await running(store, await store.add_job(the_job(4))))
    _, late = await given_up(store, *await running(store, await store.add_job(the_job(5))))
    done = late.moved(AttemptState.SUCCEEDED, ended_at=EPOCH + 99)
    await store.settle(late, done, posted(done, CostKind.DUPLICATE, EPOCH + 99), None, None)
    await running(store, await store.add_job(the_job(6)))
    await store.add_job(the_job(7))
    job = await lost(store, *await started(store, await store.add_job(the_job(8))))
    billed = job.attempts[0].moved(AttemptState.FAILED)
    await store.settle(job.attempts[0], billed, posted(billed, CostKind.FAILED_BILLED, EPOCH + 500), None, None)
    job = await lost(store, *await started(store, await store.add_job(the_job(9))))
    found = job.attempts[0].moved(AttemptState.LATE, remote_id="found", accepted_at=EPOCH + 600)
    await store.move_attempt(job.attempts[0], found)
    await adjusted(store, "video_1-1", 4)
    await adjusted(store, "video_1-2", 0)
    await adjusted(store, "video_1-2", 80_000)
    await store.delete_job("video_2", EPOCH + 700)


def verified(path: Path, *options: str) -> Result:
    return COMMAND.invoke(cli, ["ledger", "verify", "--db", str(path), *options], env={"COLUMNS": "160"})


def broken(path: Path, *statements: str) -> None:
    """Do to a file what its constraints would not let anybody do."""
    with closing(sqlite3.connect(path, isolation_level=None)) as stranger:
        stranger.execute("PRAGMA ignore_check_constraints = ON")
        for kind, name in stranger.execute(
            "SELECT type, name FROM sqlite_master WHERE type = 'trigger' OR name LIKE 'uq_ledger%'"
        ).fetchall():
            stranger.execute(f"DROP {kind} {name}")
        for statement in statements:
            assert stranger.execute(statement).rowcount > 0, statement


async def test_a_file_in_use_is_sound_and_added_up(store: Store, path: Path) -> None:
    await a_varied_life(store)
    result = verified(path)
    assert (result.exit_code, "9 jobs, 9 attempts, 17 entries: all invariants hold" in result.output) == (0, True)
    document = orjson.loads(verified(path, "--json").output)
    assert (document["errors"], document["warnings"], document["findings"]) == (0, 0, [])
    alpha, beta = document["providers"]
    assert {name: (each["microusd"], each["count"]) for name, each in alpha.items() if name != "provider"} == {
        "delivered": (0, 0),
        "failed_billed": (100_000, 1),
        "duplicate": (100_000, 1),
        "adjusted": (4, 1),
        "open": (400_000, 4),
        "voided": (200_000, 2),
    }
    assert (beta["delivered"], beta["adjusted"]) == (
        {"count": 1, "microusd": 90_000},
        {"count": 2, "microusd": -10_000},
    )


ENTRY = "INSERT INTO ledger_entries (attempt_id, job_id, provider, kind, amount_microusd, at, cost_kind, note) VALUES "
WRONG = {
    "two reservations": (
        (ENTRY + "('video_3-1', 'video_3', 'alpha', 'pending', 100000, 1, NULL, NULL)",),
        ("video_3-1", "has 2 pending entries"),
    ),
    "no reservation": (
        ("DELETE FROM ledger_entries WHERE attempt_id = 'video_6-1'",),
        ("video_6-1", "has 0 pending entries"),
    ),
    "another reservation than the quote": (
        ("UPDATE attempts SET quote_microusd = 99999 WHERE id = 'video_3-1'",),
        ("video_3-1", "reserved 100000 micro-USD, and its quote is 99999"),
    ),
    "a submit before its reservation": (
        ("UPDATE ledger_entries SET at = at + 1 WHERE attempt_id = 'video_3-1'",),
        ("video_3-1", "was submitted before its money was reserved"),
    ),
    "an end without money": (
        ("DELETE FROM ledger_entries WHERE attempt_id = 'video_2-1' AND kind = 'voided'",),
        ("video_2-1", "has failed, and its money is still open"),
    ),
    "money without an end": (
        (ENTRY + "('video_3-1', 'video_3', 'alpha', 'voided', 100000, 1e10, NULL, NULL)",),
        ("video_3-1", "is unknown, and its money is voided already"),
    ),
    "posted and voided": (
        (ENTRY + "('video_5-1', 'video_5', 'alpha', 'voided', 100000, 1e10, NULL, NULL)",),
        ("video_5-1", "is posted and voided, which happens once"),
    ),
    "less given back than reserved": (
        ("UPDATE ledger_entries SET amount_microusd = 1 WHERE attempt_id = 'video_2-1' AND kind = 'voided'",),
        ("video_2-1", "gave back 1 micro-USD"),
    ),
    "a cost beyond belief": (
        ("UPDATE ledger_entries SET amount_microusd = 1000001 WHERE cost_kind = 'duplicate'",),
        ("video_5-1", "was posted at 1000001 micro-USD, which is not from 0 to 10 times its quote"),
    ),
    "a negative cost": (
        ("UPDATE ledger_entries SET amount_microusd = -1 WHERE cost_kind = 'duplicate'",),
        ("video_5-1", "was posted at -1 micro-USD"),
    ),
    "a success that is void": (
        (
            "UPDATE ledger_entries SET kind = 'voided', cost_kind = NULL, amount_microusd = 100000"
            " WHERE cost_kind = 'duplicate'",
        ),
        ("video_5-1", "has succeeded, and its money is voided"),
    ),
    "a void that bought something": (
        ("UPDATE ledger_entries SET cost_kind = 'duplicate' WHERE attempt_id = 'video_2-1' AND kind = 'voided'",),
        ("video_2-1", "is voided as duplicate"),
    ),
    "a success that is a billed failure": (
        ("UPDATE ledger_entries SET cost_kind = 'failed_billed' WHERE cost_kind = 'duplicate'",),
        ("video_5-1", "has succeeded, and its money is posted as failed_billed"),
    ),
    "a failure that is a duplicate": (
        ("UPDATE ledger_entries SET cost_kind = 'duplicate' WHERE attempt_id = 'video_8-1' AND kind = 'posted'",),
        ("video_8-1", "has failed, and its money is posted as duplicate"),
    ),
    "a delivery without a video": (
        ("UPDATE attempts SET content_type = NULL WHERE id = 'video_1-2'",),
        ("video_1-2", "is posted as delivered, and has no video"),
        ("video_1", "is completed, and has 0 videos"),
    ),
    "a duplicate with a video": (
        ("UPDATE attempts SET content_type = 'video/mp4' WHERE id = 'video_5-1'",),
        ("video_5-1", "is posted as a duplicate, and its video was delivered"),
        ("video_5", "is failed, and has 1 videos"),
    ),
    "a correction of open money": (
        (ENTRY + "('video_3-1', 'video_3', 'alpha', 'adjusted', 5, 1e10, 'failed_billed', 'why')",),
        ("video_3-1", "was adjusted before its money was posted or voided"),
    ),
    "a correction as something else": (
        ("UPDATE ledger_entries SET cost_kind = 'duplicate' WHERE attempt_id = 'video_1-1' AND kind = 'adjusted'",),
        ("video_1-1", "was adjusted as something else than failed_billed"),
    ),
    "a correction that nobody explains": (
        ("UPDATE ledger_entries SET note = NULL WHERE attempt_id = 'video_1-1' AND kind = 'adjusted'",),
        ("video_1-1", "nobody said why"),
    ),
    "less than nothing, for a while": (
        ("UPDATE ledger_entries SET amount_microusd = -90001 WHERE amount_microusd = -90000",),
        ("video_1-2", "was adjusted to less than nothing"),
    ),
    "an entry of another provider": (
        ("UPDATE ledger_entries SET provider = 'beta' WHERE attempt_id = 'video_3-1'",),
        ("video_3-1", "went to alpha, and its pending entry is of beta"),
    ),
    "an entry of an unheard-of kind": (
        ("UPDATE ledger_entries SET kind = 'gift' WHERE attempt_id = 'video_3-1'",),
        ("video_3-1", "unknown kind 'gift'"),
    ),
    "a job of nobody": (
        ("UPDATE attempts SET remote_id = NULL WHERE id = 'video_4-1'",),
        ("video_4-1", "is late, and nobody knows as which job of alpha"),
    ),
    "a lost submit that is known": (
        ("UPDATE attempts SET remote_id = 'r' WHERE id = 'video_3-1'",),
        ("video_3-1", "is unknown, and known to be a job of alpha"),
    ),
    "an entry of another job": (
        ("UPDATE ledger_entries SET job_id = 'video_2' WHERE attempt_id = 'video_3-1'",),
        ("video_2", "has an entry of video_3-1, which is no attempt of this job"),
        ("video_3-1", "has 0 pending entries"),
    ),
    "an attempt of no job": (
        ("DELETE FROM jobs WHERE id = 'video_4'",),
        ("video_4", "is no job, and there are attempts or entries of it"),
        ("the file", "belongs to nothing in jobs"),
    ),
    "a gap between attempts": (
        ("UPDATE attempts SET number = 3 WHERE id = 'video_1-2'",),
        ("video_1", "has attempts numbered 1, 3 instead of from 1"),
    ),
    "an ended job at work": (
        ("UPDATE attempts SET state = 'running', remote_id = 'r' WHERE id = 'video_3-1'",),
        ("video_3", "is failed, and video_3-1 is still at work for it"),
    ),
    "two attempts at work": (
        (
            "INSERT INTO attempts (id, job_id, number, offering_id, provider, upstream_model, seconds, quote_microusd,"
            " submitted_at, state) SELECT 'video_6-2', job_id, 2, offering_id, provider, upstream_model, seconds,"
            " quote_microusd, submitted_at, 'submitting' FROM attempts WHERE id = 'video_6-1'",
        ),
        ("video_6", "has 2 attempts at work at the same time"),
    ),
    "a job that was attempted and waits": (
        ("UPDATE jobs SET state = 'queued' WHERE id = 'video_6'",),
        ("video_6", "is queued, and has been attempted"),
    ),
    "a job in progress by itself": (
        ("UPDATE jobs SET state = 'in_progress' WHERE id = 'video_7'",),
        ("video_7", "is in progress, and was never attempted"),
    ),
    "a delivery to a failed job": (
        (
            "UPDATE jobs SET state = 'failed', failure_stage = 'generate', failure_reason = 'stalled'"
            " WHERE id = 'video_1'",
        ),
        ("video_1", "is failed, and paid for as delivered 1 times"),
    ),
    "a completed job without a delivery": (
        ("UPDATE jobs SET state = 'completed', failure_stage = NULL, failure_reason = NULL WHERE id = 'video_5'",),
        ("video_5", "is completed, and paid for as delivered 0 times"),
    ),
    "states that there are not": (
        (
            "UPDATE attempts SET state = 'paused' WHERE id = 'video_4-1'",
            "UPDATE jobs SET state = '' WHERE id = 'video_7'",
        ),
        ("video_4-1", "is in the unknown state 'paused'"),
        ("video_7", "is in the unknown state ''"),
    ),
    "a negative price": (
        ("UPDATE attempts SET quote_microusd = -1 WHERE id = 'video_4-1'",),
        ("video_4-1", "has a quote of -1 micro-USD"),
    ),
    "a key of another caller": (
        ("UPDATE idempotency_keys SET caller = 'thief'",),
        ("video_1", "is what an idempotency key of another caller stands for"),
    ),
}


@pytest.mark.parametrize("what", WRONG)
async def test_what_is_broken_is_found_and_named(store: Store, path: Path, what: str) -> None:
    await a_varied_life(store)
    await store.close()
    statements, *expected = WRONG[what]
    broken(path, *statements)
    result = verified(path, "--json")
    assert result.exit_code == 1, result.output
    document = orjson.loads(result.output)
    found = [(each["subject"], each["words"]) for each in document["findings"] if each["weight"] == "error"]
    assert document["errors"] == len(found)
    for subject, words in expected:
        assert any(where == subject and words in said for where, said in found), found
    assert f"{len(found)} error" in verified(path).output


DOUBTFUL = {
    "accepted before": (
        "UPDATE attempts SET accepted_at = 1 WHERE id = 'video_4-1'",
        "video_4-1",
        "was accepted before",
    ),
    "ended before": ("UPDATE attempts SET ended_at = 1 WHERE id = 'video_4-1'", "video_4-1", "ended before"),
    "a success before": (
        "UPDATE attempts SET accepted_at = ended_at + 1 WHERE id = 'video_1-2'",
        "video_1-2",
        "succeeded before it was accepted",
    ),
    "an entry before": (
        "UPDATE ledger_entries SET at = 1 WHERE attempt_id = 'video_1-2' AND kind = 'posted'",
        "video_1-2",
        "earlier time",
    ),
    "a job before": ("UPDATE jobs SET ended_at = 1 WHERE id = 'video_1'", "video_1", "ended before it was accepted"),
    "one remote job of two": (
        "UPDATE attempts SET remote_id = 'r' WHERE id IN ('video_4-1', 'video_5-1')",
        "video_4-1",
        "has a remote id of alpha that video_5-1 has, too (2 in all)",
    ),
}


@pytest.mark.parametrize("what", DOUBTFUL)
async def test_what_clocks_and_upstreams_may_do_is_a_warning(store: Store, path: Path, what: str) -> None:
    await a_varied_life(store)
    await store.close()
    statement, subject, words = DOUBTFUL[what]
    broken(path, statement)
    result = verified(path, "--json")
    document = orjson.loads(result.output)
    assert (result.exit_code, document["errors"], document["warnings"]) == (0, 0, 1)
    (found,) = document["findings"]
    assert (found["weight"], found["subject"]) == ("warning", subject)
    assert words in found["words"]
    assert "all invariants hold, 1 warnings" in verified(path).output


async def test_of_many_findings_the_first_are_shown_and_the_others_counted(store: Store, path: Path) -> None:
    for number in range(60):
        await lost(store, *await started(store, await store.add_job(the_job(number))))
    await store.close()
    broken(path, "DELETE FROM ledger_entries")
    shown = verified(path).output
    assert shown.count("has 0 pending entries") == 40
    assert "and 20 more" in shown
    assert "60 jobs, 60 attempts, 0 entries: 60 errors" in shown


@pytest.mark.parametrize("content", [None, b"poem " * 1000])
def test_what_cannot_be_read_is_neither_sound_nor_broken(path: Path, content: bytes | None) -> None:
    if content is not None:
        path.write_bytes(content)
    result = verified(path)
    assert (result.exit_code, str(path) in result.output.replace("\n", "")) == (2, True)


async def test_a_file_whose_pages_are_damaged_is_broken(path: Path) -> None:
    store = await Store.open(path)
    for number in range(200):
        await refused(store, *await started(store, await store.add_job(the_job(number))))
    await store.close()
    damaged = bytearray(path.read_bytes())
    # A page of rows, not of the schema, which comes first.
    rows_at = len(damaged) * 3 // 4 // 4096 * 4096
    damaged[rows_at : rows_at + 4096] = b"\xff" * 4096
    path.write_bytes(damaged)
    result = verified(path)
    assert (result.exit_code, "the file" in result.output) == (1, True)
    assert "disk image is malformed" in result.output
