"""Why an attempt went where it went is kept with it, for as long as it is, in little room."""

from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.decision_record import CandidateRecord, DecisionRecord
from router.core.eligibility import Exclusion, ExclusionCause
from router.core.job import AttemptState
from router.core.ledger import voided
from router.core.ranking import Basis, DecisionReason
from router.engine.store import DeletedJobError, Store, StoreVersionError
from router.engine.store.decision_document import EXCLUSIONS_MAX, VERSION, document_of, read_document
from router.engine.store.whole_job import read_whole_job
from tests.builders import EPOCH
from tests.store.lives import a_decision, running, started, the_job


async def test_each_attempt_has_its_decision_in_the_order_of_the_attempts(store: Store) -> None:
    first, second = a_decision(3), a_decision(2, reason=DecisionReason.FALLBACK, at=EPOCH + 5)
    job, attempt = await started(store, await store.add_job(the_job()), decision=first)
    failed = attempt.moved(AttemptState.FAILED, ended_at=EPOCH)
    await store.settle(attempt, failed, voided(failed, EPOCH), job, job.with_attempt(failed))
    await started(store, job.with_attempt(failed), 2, decision=second)
    assert await store.decisions(job.id) == (("video_1-1", first), ("video_1-2", second))
    assert await store.decisions("video_9") == ()


async def test_an_attempt_may_have_no_decision(store: Store) -> None:
    await started(store, await store.add_job(the_job()))
    assert await store.decisions("video_1") == ()


async def test_an_attempt_that_could_not_begin_leaves_no_decision(store: Store) -> None:
    job = await store.add_job(the_job())
    await store.delete_job(job.id, EPOCH)
    with pytest.raises(DeletedJobError):
        await started(store, job, decision=a_decision())
    assert await store.decisions(job.id) == ()


async def test_the_decisions_of_a_deleted_job_stay(store: Store) -> None:
    job, _ = await running(store, await store.add_job(the_job()), decision=a_decision())
    await store.delete_job(job.id, EPOCH)
    assert len(await store.decisions(job.id)) == 1


def read_decisions(path: Path, job_id: str) -> tuple[tuple[str, DecisionRecord], ...]:
    whole = read_whole_job(path, job_id)
    return () if whole is None else tuple(whole.decisions.items())


async def test_decisions_are_read_from_a_file_that_a_router_has_open_or_not(store: Store, path: Path) -> None:
    why = a_decision()
    await started(store, await store.add_job(the_job()), decision=why)
    assert read_decisions(path, "video_1") == (("video_1-1", why),)
    await store.close()
    assert read_decisions(path, "video_1") == (("video_1-1", why),)
    assert read_decisions(path, "video_2") == ()


async def test_decisions_of_a_file_of_another_version_are_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await (await Store.open(path)).close()
    monkeypatch.setattr("router.engine.store.snapshot.REVISION", "0004")
    with pytest.raises(StoreVersionError, match="0005"):
        read_decisions(path, "video_1")


texts = st.text(st.characters(codec="utf-8"), max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53).map(float)
of_kind = {float: numbers, int: st.integers(-(2**53), 2**53), str: texts, bool: st.booleans()}
candidates = st.builds(
    CandidateRecord,
    **{name: of_kind.get(kind, st.none()) for name, kind in CandidateRecord.__annotations__.items()},
)
exclusions = st.builds(Exclusion, texts, texts, st.sampled_from(ExclusionCause), texts, st.none() | st.floats(0.0, 1e9))
decisions = st.builds(
    DecisionRecord,
    st.just(EPOCH),
    st.sampled_from(Basis),
    st.sampled_from(DecisionReason),
    texts,
    st.integers(1, 60),
    texts,
    st.lists(candidates, max_size=3).map(tuple),
    st.lists(exclusions, max_size=3).map(tuple),
    st.none() | texts,
)


@given(decisions)
def test_whatever_was_decided_is_read_as_it_was_written(record: DecisionRecord) -> None:
    assert read_document(EPOCH, document_of(record)) == record


def excluded(count: int) -> tuple[Exclusion, ...]:
    causes = (ExclusionCause.MODEL, ExclusionCause.SIZE)
    return tuple(Exclusion(f"p/{number}", "p", causes[number % 2], "why", None) for number in range(count))


def test_of_very_many_exclusions_the_rest_is_counted() -> None:
    record = a_decision(exclusions=excluded(EXCLUSIONS_MAX + 7))
    read = read_document(EPOCH, document_of(record))
    assert read is not None
    assert (read.candidates, read.exclusions) == (record.candidates, record.exclusions[:EXCLUSIONS_MAX])
    assert dict(read.more_excluded) == {ExclusionCause.MODEL: 4, ExclusionCause.SIZE: 3}
    assert read_document(EPOCH, document_of(read)) == read


def test_every_candidate_is_kept_however_many_there_are() -> None:
    record = a_decision(300)
    read = read_document(EPOCH, document_of(record))
    assert read is not None
    assert len(read.candidates) == 300


def test_the_longest_reason_takes_little_room() -> None:
    endless = Exclusion("p/1", "p", ExclusionCause.UNSUPPORTED, "no " * 10_000, None)
    read = read_document(EPOCH, document_of(a_decision(exclusions=(endless,))))
    assert read is not None
    assert len(read.exclusions[0].message) == 300


def test_a_decision_between_ten_offerings_takes_less_than_three_kilobytes() -> None:
    assert len(document_of(a_decision(10, exclusions=excluded(10)))) < 3_000


@pytest.mark.parametrize(
    "document",
    ["", "{}", "[]", "null", "[1]", "poem", orjson.dumps([VERSION + 1, *range(9)]).decode(), "[1,2,3,4,5,6,7,8,9,10]"],
)
def test_what_only_another_version_can_read_is_left_out(document: str) -> None:
    assert read_document(EPOCH, document) is None


def test_the_fields_of_this_version_are_these() -> None:
    candidate = CandidateRecord(
        "alpha/clip", "alpha", "clip", 10, 100, 1.0, 5.0, 1.1, 2.0, 3.0, 10.0, 60.0, 0.9, 0.8, 7.0, 50.0, 90.0, 2, 0.1,
        1.0, 1, False, True, None,
    )  # fmt: skip
    exclusion = Exclusion("beta/clip", "beta", ExclusionCause.COOLING, "cools down", 4.5)
    record = DecisionRecord(
        EPOCH, Basis.EXPECTED_COST, DecisionReason.TRIAL, "clip", 10, "720x1280", (candidate,), (exclusion,),
        "alpha/clip", ((ExclusionCause.MODEL, 3),),
    )  # fmt: skip
    written = (
        '[1,"expected_cost","trial","clip",10,"720x1280","alpha/clip",'
        '[["alpha/clip","alpha","clip",10,100,1.0,5.0,1.1,2.0,3.0,10.0,60.0,0.9,0.8,7.0,50.0,90.0,2,0.1,1.0,1,'
        'false,true,null]],[["beta/clip","beta","cooling","cools down",4.5]],{"model":3}]'
    )
    assert document_of(record) == written
    assert read_document(EPOCH, written) == record
