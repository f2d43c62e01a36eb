"""What is not sold any more, not for long, or by nobody who takes jobs, is warned of."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.config.files import NOW, SOUND, changed, warned

OTHER = """\
  relay-b:
    dialect: jizhiai
    base_url: https://relay-b.example.com
    api_key: {env: OTHER_KEY}
    offerings:
      - {model: sora-2, sizes: [720x1280], seconds: [10], price: {per_clip: "0.20"}}
"""
PLACE = "router.yaml:13: providers.relay-a.offerings[0].available_until: "


def ending(in_days: int, text: str = SOUND) -> str:
    day = (NOW + timedelta(days=in_days)).date()
    return changed('        price: {per_clip: "0.12"}', f'        price: {{per_clip: "0.12"}}\n{until(day)}', text)


def until(day: object) -> str:
    return f"        available_until: {day}"


def said(folder: Path, text: str) -> list[str]:
    return [line.partition(": ")[2].partition(": ")[2] for line in warned(folder, text)]


def test_an_end_in_the_past_is_warned_of_and_loads(tmp_path: Path):
    text = ending(0, SOUND + OTHER)
    assert warned(tmp_path, text) == [
        PLACE.replace(":13:", ":14:") + "sora-2 is not sold any more: its last day was the one before 2026-11-22"
    ]


@pytest.mark.parametrize(
    ("days", "when"), [(1, "in 1 day, on 2026-11-23"), (30, "in 30 days, on 2026-12-22"), (31, None)]
)
def test_an_end_is_warned_of_thirty_days_before(days: int, when: str | None, tmp_path: Path):
    assert said(tmp_path, ending(days, SOUND + OTHER)) == ([f"sora-2 ends {when}"] if when else [])


def test_the_end_of_the_last_seller_is_the_end_of_the_model_and_of_its_groups(tmp_path: Path):
    groups = "model_groups: {standard: [sora-2], any: [sora-2, hd]}\n"
    hd = '      - {model: hd, sizes: [720x1280], seconds: [10], price: {per_clip: "1"}}\n'
    text = groups + ending(12) + hd
    assert said(tmp_path, text) == [
        "sora-2 ends in 12 days, on 2026-12-04; from then on nobody sells sora-2, nor anything of standard"
    ]
    assert said(tmp_path, ending(-3)) == [
        "sora-2 is not sold any more: its last day was the one before 2026-11-19; nobody sells sora-2"
    ]


def test_of_two_that_end_the_last_one_leaves_nobody(tmp_path: Path):
    other = OTHER.replace("seconds: [10]", "seconds: [10], available_until: 2026-12-10")
    assert said(tmp_path, ending(12) + other) == [
        "sora-2 ends in 12 days, on 2026-12-04",
        "sora-2 ends in 18 days, on 2026-12-10; from then on nobody sells sora-2",
    ]


def test_one_that_is_drained_is_no_seller(tmp_path: Path):
    drained = OTHER.replace("    offerings", "    drained: true\n    offerings")
    assert said(tmp_path, ending(12) + drained) == [
        "sora-2 ends in 12 days, on 2026-12-04; from then on nobody sells sora-2"
    ]
    assert said(tmp_path, SOUND + drained) == []


def test_a_drained_provider_whose_models_nobody_else_sells_is_warned_of(tmp_path: Path):
    text = changed("    polling:", "    drained: true\n    polling:")
    assert warned(tmp_path, text) == [
        "router.yaml:8: providers.relay-a.drained: while it is drained, nobody sells sora-2"
    ]
    assert warned(tmp_path, text + OTHER) == []


def test_ranks_that_nothing_is_asked_by_are_warned_of_once(tmp_path: Path):
    ranked = changed("        price:", "        priority: 2\n        price:") + OTHER.replace(
        "seconds: [10]", "seconds: [10], priority: 3"
    )
    assert warned(tmp_path, ranked) == [
        "router.yaml:13: providers.relay-a.offerings[0].priority: has no effect under `routing.policy: expected_cost`; "
        "write `policy: priority`, or remove it"
    ]
    assert warned(tmp_path, f"routing: {{policy: priority}}\n{ranked}") == []
