"""Broken offerings, prices and defaults: each is answered with a line, a path and what to do."""

from pathlib import Path

import pytest

from tests.config.files import SOUND, changed, complaints

AN_OFFERING = """\
      - model: sora-2
        sizes: [720x1280, 1280x720]
        seconds: [10, 15]
        price: {per_clip: "0.12"}
"""
OFFERING = "providers.relay-a.offerings[0]"

# What is changed, into what, and the one line that is said of it.
BROKEN = {
    "a price without quotes": (
        '"0.12"',
        "0.10",
        f"router.yaml:13: {OFFERING}.price.per_clip: money is written in quotes, so that nothing is rounded: "
        'write "0.10"',
    ),
    "no price": (
        '        price: {per_clip: "0.12"}\n',
        "",
        f"router.yaml:10: {OFFERING}.price: is missing; add what a video costs, such as "
        '`price: {per_clip: "0.12"}` or `price: {per_second: "0.10"}`',
    ),
    "two units of price": (
        'per_clip: "0.12"',
        'per_clip: "0.12", per_second: "0.01"',
        f"router.yaml:13: {OFFERING}.price: needs exactly one of `per_second` and `per_clip`, as in "
        '`{per_clip: "0.12"}`',
    ),
    "a combination without a price": (
        'per_clip: "0.12"',
        'per_clip: [{amount: "0.12", seconds: [10]}]',
        f"router.yaml:13: {OFFERING}.price.per_clip: no price for 720x1280 at 15 s, 1280x720 at 15 s; "
        "add a tier for it, or sell less",
    ),
    "a combination with two prices": (
        'per_clip: "0.12"',
        'per_clip: [{amount: "0.12"}, {amount: "0.2", seconds: [15], sizes: [720x1280]}]',
        f"router.yaml:13: {OFFERING}.price.per_clip: more than one price for 720x1280 at 15 s; "
        "give each tier its own `sizes` or `seconds`",
    ),
    "a price of what is not sold": (
        'per_clip: "0.12"',
        'per_clip: [{amount: "0.12", seconds: [10, 15, 25]}]',
        f"router.yaml:13: {OFFERING}.price.per_clip[0].seconds: prices 25, which the offering does not sell; "
        "it sells 10, 15",
    ),
    "a currency without a rate": (
        'per_clip: "0.12"',
        'per_clip: "0.85", currency: CNY',
        f"router.yaml:13: {OFFERING}.price.currency: prices in CNY need a dated rate; add `currencies: "
        '{CNY: {usd: "0.14", as_of: 2026-11-01}}` with the rate of your day',
    ),
    "a size that the dialect cannot say": (
        "[720x1280, 1280x720]",
        "[100x100]",
        f"router.yaml:10: {OFFERING}: nothing of it can be asked for: this dialect cannot say size 100x100; "
        "it can say 720x1280, 1280x720, 1024x1792, 1792x1024",
    ),
    "something that is no size": (
        "1280x720",
        "720p",
        f"router.yaml:11: {OFFERING}.sizes[1]: '720p' is not a size; write WIDTHxHEIGHT, for example 720x1280",
    ),
    "images without their number": (
        "        seconds: [10, 15]",
        "        seconds: [10, 15]\n        image_inputs: [url]",
        f"router.yaml:13: {OFFERING}.image_inputs: needs `images_max` beside it: how many images one video may have",
    ),
    "a number of images of no kind": (
        "        seconds: [10, 15]",
        "        seconds: [10, 15]\n        images_max: 1",
        f"router.yaml:13: {OFFERING}.images_max: needs `image_inputs` beside it: [url], [file] or [url, file]; "
        "remove it if no images are taken",
    ),
    "two offerings of one name": (
        AN_OFFERING,
        AN_OFFERING + AN_OFFERING,
        "router.yaml:14: providers.relay-a.offerings[1]: relay-a/sora-2 is already sold in line 10; "
        "give one of the two a `name`, or make one offering with price tiers of them",
    ),
    "a default model that is not sold": (
        "policy:",
        "defaults: {model: sora-3}\npolicy:",
        "router.yaml:1: defaults.model: 'sora-3' is not sold; did you mean `sora-2`? accepted models: sora-2",
    ),
    "a default length that is not sold": (
        "policy:",
        "defaults: {seconds: 12}\npolicy:",
        "router.yaml:1: defaults: nobody sells sora-2 at 720x1280 for 12 s; on sale: "
        "relay-a/sora-2 sells 720x1280, 1280x720 for 10, 15 s",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_offering_is_answered_with_what_to_change(name: str, tmp_path: Path):
    old, new, said = BROKEN[name]
    lines = complaints(tmp_path, changed(old, new))
    assert said in lines
    # Nothing else is said, unless it follows from the same place.
    assert {line.partition(": ")[0] for line in lines} == {said.partition(": ")[0]}


def test_what_a_faulty_provider_might_sell_is_not_said_to_be_missing(tmp_path: Path):
    text = changed("policy:", "defaults: {model: sora-2}\npolicy:", changed("sizes:", "size:"))
    assert not [line for line in complaints(tmp_path, text) if "not sold" in line]


@pytest.mark.parametrize(
    ("currency", "said"),
    [
        ('USD: {usd: "1", as_of: 2026-11-01}', "USD is what everything is counted in; remove this rate"),
        ('CNY: {usd: "0", as_of: 2026-11-01}', "currencies.CNY.usd: must be more than 0"),
        ('CNY: {usd: "0.14", as_of: 2027-11-01}', "2027-11-01 is in the future"),
        ('CNY: {usd: "0.14", as_of: 2026-02-30}', "is not a day of the calendar"),
        (
            'CNY: {usd: "0.14"}',
            "currencies.CNY.as_of: is missing; add the day of the rate, such as `as_of: 2026-11-01`",
        ),
    ],
)
def test_a_rate_is_dated_and_positive(currency: str, said: str, tmp_path: Path):
    (line,) = complaints(tmp_path, f"currencies:\n  {currency}\n{SOUND}")
    assert said in line


def test_a_price_too_small_to_be_counted_is_refused(tmp_path: Path):
    (line,) = complaints(tmp_path, changed('"0.12"', '"0.0000001"'))
    assert "0.0000001 rounds to nothing: the smallest price is a millionth of a US dollar" in line


@pytest.mark.parametrize("amount", ['"1e3"', '"-1"', '"1_000"', '"0,12"', '"NaN"', '"１"', '"$1"'])
def test_an_amount_is_plain_digits(amount: str, tmp_path: Path):
    (line,) = complaints(tmp_path, changed('"0.12"', amount))
    assert "must be a decimal number in quotes without sign or unit" in line


def test_a_model_that_is_given_up_before_its_first_poll_is_refused(tmp_path: Path):
    (line,) = complaints(tmp_path, changed("price:", "deadline_s: 5\n        price:"))
    assert line.endswith("offerings[0].deadline_s: must be more than first_after_s (5), or no poll is ever sent")


def test_images_that_a_dialect_can_never_send_are_refused(tmp_path: Path):
    text = changed("dialect: jizhiai", "dialect: openai")
    text = changed("price:", "image_inputs: [url]\n        images_max: 2\n        price:", text)
    (line,) = complaints(tmp_path, text)
    assert line.endswith(
        "offerings[0].images_max: so many images can never be sent: this dialect takes one input image, not 2; send one"
    )


TWO_MODELS = (
    SOUND
    + """\
      - {model: sora-2-pro, sizes: [720x1280], seconds: [25], price: {per_clip: "1"}}
"""
)


@pytest.mark.parametrize(
    ("model", "old", "new"),
    [
        ("sora-2-pro", 'per_clip: "0.12"', "per_clip: 0.12"),
        ("sora-2", 'price: {per_clip: "0.12"}', 'price: {per_clip: [{amount: "0.12", seconds: [10]}]}'),
        ("sora-2", "RELAY_KEY", "UNSET_KEY"),
        ("sora-2", "dialect: jizhiai", "dialect: jizhia"),
        ("sora-2", 'price: {per_clip: "1"}', "price: {}"),
    ],
)
def test_defaults_that_nobody_sells_are_told_beside_other_errors(model: str, old: str, new: str, tmp_path: Path):
    text = changed(old, new, changed("seconds: [25]", "seconds: [15]", TWO_MODELS))
    first, *others = complaints(tmp_path, f"defaults: {{model: {model}, seconds: 25}}\n{text}")
    said = f"router.yaml:1: defaults: nothing legible in `providers` sells {model} for 25 s; on sale: relay-a/{model} "
    assert first.startswith(said)
    assert len(others) == 1


def test_defaults_without_a_model_mean_the_first_one_written(tmp_path: Path):
    asks = "defaults: {seconds: 25}\n"
    legible = asks + changed('price: {per_clip: "1"}', "price: {}", TWO_MODELS)
    assert len([line for line in complaints(tmp_path, legible) if "sells sora-2 for 25 s" in line]) == 1
    illegible = asks + changed('price: {per_clip: "0.12"}', "price: {}", TWO_MODELS)
    assert not [line for line in complaints(tmp_path, illegible) if "defaults" in line]


def test_defaults_that_somebody_sells_are_not_complained_of_beside_other_errors(tmp_path: Path):
    text = "defaults: {seconds: 15, size: 1280x720}\n" + changed("RELAY_KEY", "UNSET_KEY")
    (line,) = complaints(tmp_path, text)
    assert "api_key" in line
