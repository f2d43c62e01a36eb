"""The certification itself: each way to break the contract is found by the check that promises it."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import quote

import orjson
import pytest
from typer.testing import CliRunner

from providers.adapter import HttpRequest, HttpResponse, Profile
from providers.canonical import Accepted, Failure, ImageFile, Reason, Running, Stage, Succeeded, VideoRequest
from providers.certification import (
    CHECKS,
    ExchangeError,
    Subject,
    SubjectError,
    certified,
    read_exchange,
    read_exchanges,
    subjects,
)
from providers.certification.answers import TOLD
from providers.certification.mutation import mutated
from providers.fields import as_id, as_url
from providers.registry import FUNCTIONS
from router.cli import cli
from router.core.policy import POSSIBLE
from tests.third_party.acme_video.acme_video import dialect as acme

EXCHANGES = Path(acme.__file__).parent / "exchanges"
GOOD = Subject("acme", acme, read_exchanges(EXCHANGES), bodies=250)
COUNTER = itertools.count()


def acme_but(**functions: Callable[..., Any]) -> Any:
    """The good adapter with some of its functions replaced."""
    return SimpleNamespace(**{name: functions.get(name, getattr(acme, name)) for name in FUNCTIONS})


def submit_but(change: Callable[[VideoRequest, dict[str, Any]], Any]) -> Any:
    """The good adapter with a change to the document it sends."""

    def submit_request(video: VideoRequest, model: str) -> HttpRequest:
        request = acme.submit_request(video, model)
        document = dict(request.json or {})
        change(video, document)
        return replace(request, json=document)

    return acme_but(submit_request=submit_request)


def first_dropped(video: VideoRequest, document: dict[str, Any]) -> None:
    document["pictures"] = document["pictures"][1:]


def files_hashed(video: VideoRequest, document: dict[str, Any]) -> None:
    document["pictures"] = [
        sha256(image.data).hexdigest() if isinstance(image, ImageFile) else image.url for image in video.images
    ]


def raises(*_: Any) -> Any:
    raise KeyError("nothing here")


def elsewhere(video: VideoRequest, model: str) -> HttpRequest:
    return replace(acme.submit_request(video, model), path="https://api.acme.example/jobs")


def accepts_500(response: HttpResponse) -> Accepted | Failure:
    if response.status >= 500 and (remote_id := as_id(response.document().get("job"))):
        return Accepted(remote_id)
    return acme.read_submit(response)


def accepts_lists(response: HttpResponse) -> Accepted | Failure:
    document = orjson.loads(response.body)
    if response.ok and isinstance(document, list):
        return Accepted(document[0]["id"])
    return acme.read_submit(response)


def refuses_by_404(response: HttpResponse) -> Accepted | Failure:
    if response.status == 404 and b"problem" not in response.body:
        return Failure(Stage.SUBMIT, Reason.INVALID)
    return acme.read_submit(response)


def asserts_an_object(response: HttpResponse) -> Accepted | Failure:
    assert isinstance(orjson.loads(response.body), dict)
    return acme.read_submit(response)


def ends_jobs_at_500(response: HttpResponse) -> Any:
    if response.status >= 500 and response.document().get("job"):
        return Failure(Stage.GENERATE, Reason.INTERNAL)
    return acme.read_poll(response)


def believes_any_link(response: HttpResponse) -> Any:
    if response.ok and (url := as_url(response.document().get("file"))):
        return Succeeded(url)
    return acme.read_poll(response)


def never_gets_on(response: HttpResponse) -> Any:
    reading = acme.read_poll(response)
    return replace(reading, progress=0) if isinstance(reading, Running) else reading


def repeats_progress(response: HttpResponse) -> Any:
    reading = acme.read_poll(response)
    return replace(reading, progress=response.document()["percent"]) if isinstance(reading, Running) else reading


def blames_money(response: HttpResponse) -> Any:
    reading = acme.read_poll(response)
    out_of_place = isinstance(reading, Failure) and reading.reason is Reason.CANCELLED
    return Failure(Stage.GENERATE, Reason.BUDGET) if out_of_place else reading


def shows_the_key(remote_id: str, done: Succeeded, variant: str = "video") -> HttpRequest | None:
    request = acme.content_request(remote_id, done, "video") if variant == "video" else None
    return request and replace(request, headers={"X-Key": "of the provider"})


def fetches_no_link(remote_id: str, done: Succeeded, variant: str = "video") -> HttpRequest | None:
    return HttpRequest("GET", cast("str", done.url)) if variant == "video" else None


# What is broken, how, and which checks say so.
BROKEN: dict[str, tuple[Any, set[str]]] = {
    "raises in poll_request": (acme_but(poll_request=raises), {"requests are built"}),
    "fetches a link that is not there": (
        acme_but(content_request=fetches_no_link),
        {"requests are built"},
    ),
    "puts a number into the query": (
        acme_but(poll_request=lambda remote_id: HttpRequest("GET", "/jobs", query={"id": cast("str", len(remote_id))})),
        {"requests are built"},
    ),
    "says nothing at all": (
        acme_but(unsupported=lambda *_: "this dialect is out of words today"),
        {"requests are built"},
    ),
    "explains with one word": (
        acme_but(unsupported=lambda video, model: acme.unsupported(video, model) and "no"),
        {"the unsayable is explained"},
    ),
    "posts to an absolute path": (acme_but(submit_request=elsewhere), {"a submit is a relative post"}),
    "trims the prompt": (
        submit_but(lambda video, document: document.update(text=video.prompt.strip())),
        {"prompt and model are verbatim"},
    ),
    "says the length in frames": (
        submit_but(lambda video, document: document.update(length_s=video.seconds * 24)),
        {"seconds are said"},
    ),
    "rounds the length": (
        submit_but(lambda video, document: document.update(length_s=max(5, video.seconds // 5 * 5))),
        {"seconds are said", "differences show"},
    ),
    "drops an image": (submit_but(first_dropped), {"every image is sent", "differences show"}),
    "sends a file's hash": (submit_but(files_hashed), {"every image is sent"}),
    "says only the orientation": (
        submit_but(lambda video, document: document.update(frame=video.size.orientation)),
        {"differences show"},
    ),
    "sends one model whatever is asked": (
        submit_but(lambda video, document: document.update(engine="sora-2-turbo")),
        {"differences show"},
    ),
    "polls by POST": (
        acme_but(poll_request=lambda remote_id: replace(acme.poll_request(remote_id), method="POST")),
        {"a poll is a relative get"},
    ),
    "leaves slashes in ids": (
        acme_but(poll_request=lambda remote_id: HttpRequest("GET", f"/jobs/{quote(remote_id)}")),
        {"ids stay whole"},
    ),
    "sends headers to a link": (acme_but(content_request=shows_the_key), {"a result link is fetched bare"}),
    "leaks the variant": (
        acme_but(content_request=lambda remote_id, done, variant="video": acme.content_request(remote_id, done)),
        {"a variant is not the video"},
    ),
    "forgets the progress": (acme_but(read_poll=never_gets_on), {"exchanges read as recorded"}),
    "accepts 500s": (acme_but(read_submit=accepts_500), {"only 2xx is good news"}),
    "ends jobs by a gateway's word": (acme_but(read_poll=ends_jobs_at_500), {"an error status ends no job"}),
    "accepts a list": (acme_but(read_submit=accepts_lists), {"nonsense is no news"}),
    "refuses without words": (acme_but(read_submit=refuses_by_404), {"a wordless submit is ambiguous"}),
    "turns failed into success": (acme_but(read_poll=believes_any_link), {"no failure becomes a success"}),
    "asserts": (acme_but(read_submit=asserts_an_object), {"readers raise only as documented"}),
    "repeats the progress unread": (acme_but(read_poll=repeats_progress), {"values stay within limits"}),
    "tells a reason that is the router's": (
        acme_but(read_poll=blames_money),
        {"exchanges read as recorded", "values stay within limits"},
    ),
    "counts its requests": (
        submit_but(lambda video, document: document.update(number=next(COUNTER))),
        {"same input same output"},
    ),
}


def broken_checks(subject: Subject) -> set[str]:
    return {result.check.name for result in certified(subject) if not result.held}


def test_a_good_adapter_holds_every_check_and_each_has_something_to_try() -> None:
    results = certified(GOOD)
    assert [violation for result in results for violation in result.violations] == []
    assert [result.check.name for result in results if not result.cases] == []


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_adapter_fails_the_check_that_promises_otherwise(how: str) -> None:
    adapter, expected = BROKEN[how]
    assert broken_checks(replace(GOOD, adapter=adapter)) == expected


@pytest.mark.parametrize("lost", ["create_402_no_funds", "job_ready", "job_picture_refused", "create_accepted"])
def test_a_kind_of_answer_nobody_recorded_is_named(lost: str) -> None:
    kept = tuple(item for item in GOOD.exchanges if item.name != lost)
    (result,) = (result for result in certified(replace(GOOD, exchanges=kept, bodies=50)) if not result.held)
    assert result.check.name == "exchanges cover every outcome"
    assert result.violations[0].got == "there is none"


def test_without_recorded_answers_it_fails_and_says_how_to_record_them(tmp_path: Path) -> None:
    (result,) = (each for each in certified(replace(GOOD, exchanges=(), bodies=50)) if not each.held)
    assert "record such an answer as a JSON file" in result.violations[0].change


def test_a_violation_says_what_was_asked_what_came_and_what_to_change() -> None:
    subject = replace(GOOD, adapter=BROKEN["leaves slashes in ids"][0])
    (result,) = (each for each in certified(subject) if not each.held)
    violation = result.violations[0]
    assert violation.asked.startswith("poll_request('veo3:1756") or violation.asked.startswith("poll_request('a/b")
    assert violation.got.startswith("GET /jobs/")
    assert 'quote(remote_id, safe="")' in violation.change


def test_equal_seeds_disturb_answers_equally_and_others_do_not() -> None:
    first, again, other = ([item.response.body for item in mutated(GOOD.exchanges, 300, seed)] for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_what_an_answer_can_tell_is_possible_for_the_policy_table() -> None:
    for stages in TOLD.values():
        for stage, reasons in stages.items():
            assert set(reasons) <= set(POSSIBLE[stage]), stage


def test_profiles_are_certified_with_their_own_exchanges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in EXCHANGES.glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    own = json.loads((EXCHANGES / "job_drawing.json").read_text())
    (tmp_path / "slow_one.json").write_text(json.dumps({**own, "profile": "slow"}))
    profiles = {"slow": Profile(acme_but(read_poll=never_gets_on))}
    monkeypatch.setattr(acme, "PROFILES", profiles, raising=False)
    plain, slow = subjects("tests.third_party.acme_video.acme_video.dialect", tmp_path)
    assert (plain.name.rpartition(".")[2], slow.name.rpartition(".")[2]) == ("dialect", "dialect/slow")
    assert len(slow.exchanges) == len(plain.exchanges) + 1
    assert broken_checks(replace(plain, bodies=50)) == set()
    assert broken_checks(replace(slow, bodies=50)) == {"exchanges read as recorded"}
    monkeypatch.setattr(acme, "PROFILES", {"fast": profiles["slow"]}, raising=False)
    with pytest.raises(ExchangeError, match=r"slow_one\.json: profile: 'slow' is unknown to .*; accepted: fast"):
        subjects("tests.third_party.acme_video.acme_video.dialect", tmp_path)


PLAIN = {
    "source": "the reference",
    "kind": "submit",
    "response": {"status": 200, "headers": {}, "body": {"id": "1"}},
    "expected": {"type": "Accepted", "remote_id": "1"},
}
ANSWER: dict[str, Any] = {"status": 200, "headers": {}, "body": {"id": "1"}}
MALFORMED: dict[str, tuple[Any, str]] = {
    "no object": ([], "accepted: an object with source, kind, response, expected"),
    "no source": ({**PLAIN, "source": " "}, "source: say in words where"),
    "unknown key": (
        {**PLAIN, "comment": "x"},
        "'comment' is unknown; accepted: source, kind, response, expected, profile",
    ),
    "unknown kind": ({**PLAIN, "kind": "create"}, "kind: 'create' is unknown; accepted: submit, poll, list"),
    "half an answer": (
        {**PLAIN, "response": {"status": 200}},
        "response: 'headers' is missing; needed: status, headers",
    ),
    "odd status": ({**PLAIN, "response": {**ANSWER, "status": "200"}}, "response.status: '200' is no HTTP status"),
    "loud header": ({**PLAIN, "response": {**ANSWER, "headers": {"Date": "x"}}}, "write 'Date' in lower case"),
    "bare text": ({**PLAIN, "response": {**ANSWER, "body": "<html>"}}, 'response.body: accepted: .*{"text"'),
    "wrong outcome": (
        {**PLAIN, "expected": {"type": "Running"}},
        "'Running' cannot come of a submit; accepted: Accepted",
    ),
    "unknown field": (
        {**PLAIN, "expected": {"type": "Accepted", "id": "1"}},
        "expected.id: Accepted has no such field",
    ),
    "unknown reason": (
        {**PLAIN, "expected": {"type": "Failure", "stage": "submit", "reason": "broke"}},
        "expected.reason: 'broke' is unknown; accepted: refused, invalid",
    ),
    "jobs that are none": (
        {**PLAIN, "kind": "list", "expected": {"type": "ListedPage", "jobs": [{"id": "1"}]}},
        "expected.jobs: accepted: a list of objects with any of remote_id, created_at",
    ),
    "half a failure": ({**PLAIN, "expected": {"type": "Failure", "stage": "submit"}}, "needs its stage and its reason"),
}


@pytest.mark.parametrize("how", MALFORMED)
def test_a_malformed_exchange_is_named_with_its_key_and_what_may_be_there(how: str) -> None:
    document, message = MALFORMED[how]
    with pytest.raises(ExchangeError, match=rf"^one\.json: .*{message}"):
        read_exchange("one.json", json.dumps(document).encode())


def test_an_exchange_that_is_no_json_is_named() -> None:
    with pytest.raises(ExchangeError, match=r"^one\.json: not JSON"):
        read_exchange("one.json", b"{")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sora", "unknown dialect 'sora'; known: .*shenma.*install the package whose entry point"),
        ("no_such_module.dialect", "cannot be imported from no_such_module.dialect.*name a module"),
        ("json", "from json lacks unsupported, submit_request"),
        ("mine/dialect.py", "is a file; name its module"),
        ("mine.dialect:", "names nothing; name a module"),
        ("", "unknown dialect ''; known"),
        ("providers.canonical", "lacks unsupported, submit_request"),
        ("tests.builders:PlainAdapter", "is a class; name an instance of it"),
    ],
)
def test_what_cannot_be_found_is_answered_with_advice(name: str, message: str) -> None:
    with pytest.raises(SubjectError, match=message):
        subjects(name)


def test_a_module_needs_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lone_dialect.py").write_text(f"from {ACME} import *\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    (subject,) = subjects("lone_dialect")
    assert subject.exchanges == ()


ACME = "tests.third_party.acme_video.acme_video.dialect"


def test_the_command_says_what_held_and_exits_with_nothing(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["certify", ACME, "--bodies", "50"])
    assert done.exit_code == 0, done.output
    assert f"certified, all {len(CHECKS)} checks held" in done.output


def test_the_command_names_the_broken_check_and_exits_with_1(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(PLAIN))
    done = CliRunner().invoke(cli, ["certify", ACME, "--bodies", "50", "--exchanges", str(tmp_path)])
    assert done.exit_code == 1
    assert "not certified, 2 of" in done.output
    assert "got Failure, expected Accepted" in " ".join(done.output.split())


@pytest.mark.parametrize("arguments", [["sora"], [ACME, "--exchanges", "no_such_folder"]])
def test_the_command_exits_with_2_when_there_is_nothing_to_certify(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, ["certify", *arguments]).exit_code == 2


def test_the_command_prints_json() -> None:
    done = CliRunner().invoke(cli, ["certify", ACME, "--bodies", "50", "--json", "--seed", "7"])
    (document,) = json.loads(done.stdout)
    assert (document["certified"], document["seed"], len(document["checks"])) == (True, 7, len(CHECKS))
    assert all(check["sentence"].endswith(".") for check in document["checks"])
