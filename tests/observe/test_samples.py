"""Unknown errors in the log: the pattern of the words, and never a prompt, a link or a key."""

import io
import json
from urllib.parse import quote

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.canonical import Failure, Reason, Stage
from router.core.events import UnknownErrorSeen
from router.observe.lines import Level
from router.observe.logs import Logs
from router.observe.samples import SAMPLE_CHARS_MAX, sample
from tests.observe import scenes
from tests.observe.test_logs import CLOCK

PROMPT = "A quiet harbour at dawn, seven fishing boats; 一只小狗在海边奔跑追逐浪花"


def seen(message: str, prompt: str = PROMPT, provider: str = "p0", code: str | None = None) -> UnknownErrorSeen:
    failure = Failure(Stage.GENERATE, Reason.INTERNAL, message, code, recognised=False)
    return UnknownErrorSeen(provider, failure, prompt)


def text_of(*events: UnknownErrorSeen) -> str:
    stream = io.StringIO()
    logs = Logs(stream, CLOCK)
    for event in events:
        logs.listeners.hear(event)
    return stream.getvalue()


def test_an_unknown_error_is_a_warning_with_its_place_and_its_pattern():
    line = orjson.loads(text_of(seen("the widget ran out of quokkas", code="E_QUOKKA")))
    assert line == {
        "time": line["time"],
        "level": Level.WARNING.name.lower(),
        "event": "unknown_error",
        "provider": "p0",
        "stage": "generate",
        "reason": "internal",
        "code": "E_QUOKKA",
        "sample": "the widget ran out of quokkas",
    }


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("cannot make 'a QUIET  harbour at dawn'", "cannot make …"),
        ("no luck with a quiet harbour at dawn, seven", "no luck with …"),
        ("no luck: A+quiet+harbour+at+dawn%2C+seven+fishing", "no luck: …"),
        ("失败：一只小狗在海边奔跑，请修改", "失败：…，请修改"),
        (r"sorry \u4e00\u53ea\u5c0f\u72d7\u5728\u6d77\u8fb9, no", "sorry …, no"),
        (r"sorry \\u4e00\\u53ea\\u5c0f\\u72d7\\u5728\\u6d77\\u8fb9, no", "sorry …, no"),
        ("fetch https://cdn.example.com/a.mp4?sig=abc failed", "fetch … failed"),
        (r"fetch https:\/\/cdn.example.com\/a.mp4?sig=abc failed", "fetch … failed"),
        ("key sk-abcdefghijkl is odd (request id: 2026112207134567890)", "key … is odd (request id: …)"),
        ("the policy `wide` said “something” of job 8c2f9a7e-41d7", "the policy … said … of job …"),
        (
            "model_not_enabled for group default at 720x1280 in 10 s",
            "model_not_enabled for group default at 720x1280 in 10 s",
        ),
        ('{"error": {"message": "odd"}}', "{error: {message: …}}"),
        ("", ""),
    ],
)
def test_a_sample_shows_the_words_and_masks_the_rest(said: str, shown: str):
    assert sample(said, PROMPT) == shown


def test_a_short_prompt_is_masked_as_a_whole():
    assert sample("cannot draw red fox today", "Red Fox") == "cannot draw … today"


@pytest.mark.parametrize(
    ("said", "hidden"),
    [
        ("the name Jane Roe-Doe is not allowed", "Jane"),
        ("the name JaneRoeDoe is not allowed", "Jane"),
        ("人物 王小明 不允许", "王小明"),
    ],
)
def test_a_name_from_the_prompt_is_masked(said: str, hidden: str):
    shown = sample(said, "Jane Roe-Doe dances with 王小明 in the rain")
    assert shown is not None
    assert hidden not in shown
    assert any(word in shown for word in ("allowed", "不允许"))


def test_a_code_that_is_the_prompt_is_left_out():
    assert "code" not in orjson.loads(text_of(seen("odd", "harbour_at_dawn_boats", code="harbour_at_dawn_boats")))


def test_each_pattern_is_logged_once_whatever_its_numbers():
    events = [seen(f"quokka {number} went missing") for number in range(50)]
    assert len(text_of(*events, seen("quokka 1 went missing", provider="p1")).splitlines()) == 2


def test_a_flood_of_patterns_is_cut_off_for_each_provider_and_in_all():
    words = ["".join(chr(97 + int(digit)) for digit in f"{number:03}") for number in range(300)]
    assert len(text_of(*(seen(f"odd {word}") for word in words)).splitlines()) == 20
    many = [seen(f"odd {word}", provider=f"p{number}") for word in words for number in range(10)]
    assert len(text_of(*many).splitlines()) == 100


PROMPTS = (
    st.text(min_size=16, max_size=300)
    | st.text("abcdefg ,.'\"\\", min_size=16, max_size=120)
    | st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x4EFF), min_size=16, max_size=80)
)
SPELLINGS = {
    "whole": lambda text: text,
    "JSON": json.dumps,
    "ASCII JSON inside JSON": lambda text: json.dumps(json.dumps(text)),
    "UTF-8 JSON": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "URL": quote,
    "repr": repr,
    "upper case": str.upper,
    "spread out": lambda text: "  ".join(text.split(" ")),
}


@given(
    prompt=PROMPTS,
    around=st.tuples(st.text(max_size=40), st.text(max_size=40)),
    spelling=st.sampled_from(sorted(SPELLINGS)),
    data=st.data(),
)
@settings(max_examples=600, deadline=None)
def test_no_stretch_of_a_prompt_reaches_a_line(
    prompt: str, around: tuple[str, str], spelling: str, data: st.DataObject
):
    prompt = prompt.encode("utf-8", "replace").decode()
    start = data.draw(st.integers(0, max(0, len(prompt) - 16)))
    part = prompt[start : start + data.draw(st.integers(16, 300))]
    echoed = SPELLINGS[spelling](part)
    message = f"{around[0]}{echoed[: data.draw(st.integers(16, max(16, len(echoed))))]}{around[1]}"
    line = text_of(seen(message, prompt, code=part[:64]))
    told = json.loads(line) if line else {}
    shown = str(told.get("sample", ""))
    assert len(shown) <= SAMPLE_CHARS_MAX
    for place in range(max(0, len(prompt) - 15)):
        window = prompt[place : place + 16]
        assert window not in line
        assert window not in shown


SECRETS = (
    st.from_regex(r"(sk|vr)[-_][A-Za-z0-9]{8,48}", fullmatch=True)
    | st.from_regex(r"[A-Za-z]{4}[0-9][A-Za-z0-9]{15,60}", fullmatch=True)
    | st.from_regex(r"[0-9a-f]{7}[0-9][0-9a-f]{24}", fullmatch=True)
    | st.from_regex(r"[0-9]{4,40}", fullmatch=True)
)


@given(
    secret=SECRETS,
    template=st.sampled_from(
        (
            "bad key {} here",
            "Authorization: Bearer {}",
            "api_key={}",
            '{{"token": "{}"}}',
            "see https://cdn.example.com/v.mp4?X-Amz-Signature={}&e=1 now",
            "get http://user:{}@cdn.example.com/x failed",
            r"https:\/\/cdn.example.com\/{}\/v.mp4",
            "cdn.example.com/v.mp4?sig={}",
            "/v1/files/{}?sig={}",
            "data:image/png;base64,{}",
            "请求失败{}，请重试",
            "请访问https://cdn.example.com/{}?sig={}查看",
            "密钥Bearer {}无效",
        )
    ),
    before=st.text(max_size=900),
)
@settings(max_examples=500, deadline=None)
def test_no_key_id_or_signature_reaches_a_line(secret: str, template: str, before: str):
    line = text_of(seen(f"{before} {template.format(secret, secret)}", "a boat"))
    assert secret not in line
    assert "cdn.example.com/" not in line


@given(words=st.text(max_size=2_000), prompt=st.text(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_words_make_a_short_line_or_none(words: str, prompt: str):
    shown = sample(words, prompt)
    assert shown is None or len(shown) <= SAMPLE_CHARS_MAX
    assert text_of(seen(words, prompt)).count("\n") == 1


def test_a_sample_is_taken_of_a_scene_without_its_prompt():
    job = scenes.job_of(prompt="a lighthouse in heavy rain")
    assert "lighthouse" not in text_of(seen("could not draw a lighthouse in heavy rain", job.video.prompt))
