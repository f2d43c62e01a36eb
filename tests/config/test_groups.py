"""Groups of models: what they may be called, what may be in them, and what defaults mean for them."""

from pathlib import Path

import pytest

from providers.canonical import Size
from router.core.limits import RequestDefaults
from tests.config.files import SOUND, changed, complaints, loaded

PRO = '      - {model: sora-2-pro, sizes: [1024x1792], seconds: [25], price: {per_clip: "1"}}\n'
TWO_MODELS = SOUND + PRO


def grouped(groups: str, text: str = TWO_MODELS) -> str:
    return f"model_groups: {groups}\n{text}"


def test_a_group_is_a_name_for_its_models_in_their_order(tmp_path: Path):
    catalog = loaded(tmp_path, grouped("{any: [sora-2-pro, sora-2], best: [sora-2-pro]}")).catalog
    assert catalog.groups == {"any": ("sora-2-pro", "sora-2"), "best": ("sora-2-pro",)}
    assert catalog.names == ("sora-2", "sora-2-pro", "any", "best")


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ("{sora-2: [sora-2-pro]}", "sora-2: sora-2 is a model that is sold; give the group a name of its own"),
        ("{a: [sora-3]}", "a[0]: 'sora-3' is not sold; did you mean `sora-2`? accepted models: sora-2, sora-2-pro"),
        ("{a: [sora-2], b: [sora-2, a]}", "b[1]: a is a group; list its models instead"),
        ("{a: [sora-2, a]}", "a[1]: a is a group; list its models instead"),
        ("{a: [sora-2, sora-2]}", "a: lists sora-2 twice; keep one of them"),
        ("{a: []}", "a: must have at least 1 entry"),
        ("{a: sora-2}", "a: must be a list, not 'sora-2'"),
        ("{a b: [sora-2]}", "'a b': must be 1 to 128 letters, digits, "),
        (f"{{a: [{', '.join(f'm{number}' for number in range(33))}]}}", "a: must have at most 32 entries"),
        ("[sora-2]", ": must be a mapping of names to settings, not a list"),
    ],
)
def test_a_group_that_cannot_be_one_is_answered_with_why(groups: str, said: str, tmp_path: Path):
    place = "router.yaml:1: model_groups" + ("" if said.startswith(":") else ".")
    lines = complaints(tmp_path, grouped(groups))
    assert lines[0].startswith(f"{place}{said}")


def test_there_are_so_many_groups_and_no_more(tmp_path: Path):
    many = {f"g{number}: [sora-2]" for number in range(65)}
    (line,) = complaints(tmp_path, grouped("{" + ", ".join(sorted(many)) + "}"))
    assert line.endswith("model_groups: must have at most 64 entries")


def test_what_an_illegible_offering_sells_is_not_said_to_be_missing_from_a_group(tmp_path: Path):
    text = grouped("{a: [sora-2-pro]}", changed("1024x1792", "large", TWO_MODELS))
    (line,) = complaints(tmp_path, text)
    assert "offerings[1].sizes[0]" in line


def test_a_default_group_takes_length_and_size_from_its_first_model(tmp_path: Path):
    settings = loaded(tmp_path, grouped("{any: [sora-2-pro, sora-2]}\ndefaults: {model: any}"))
    assert settings.defaults == RequestDefaults("any", 25, Size(1024, 1792))


def test_a_default_group_is_sold_if_one_of_its_models_is(tmp_path: Path):
    defaults = "defaults: {model: any, seconds: 10, size: 720x1280}"
    settings = loaded(tmp_path, grouped(f"{{any: [sora-2-pro, sora-2]}}\n{defaults}"))
    assert settings.defaults == RequestDefaults("any", 10, Size(720, 1280))
    (line,) = complaints(tmp_path, grouped(f"{{any: [sora-2-pro]}}\n{defaults}"))
    assert line == (
        "router.yaml:2: defaults: nobody sells any at 720x1280 for 10 s; on sale: relay-a/sora-2-pro sells 1024x1792 "
        "for 25 s"
    )


def test_a_default_that_is_neither_model_nor_group_is_answered_with_both(tmp_path: Path):
    (line,) = complaints(tmp_path, grouped("{any: [sora-2]}\ndefaults: {model: all}"))
    assert line.endswith("defaults.model: 'all' is not sold; accepted models: any, sora-2, sora-2-pro")


def test_a_default_group_with_an_error_is_not_also_blamed_on_the_defaults(tmp_path: Path):
    (line,) = complaints(tmp_path, grouped("{any: [sora-3]}\ndefaults: {model: any}"))
    assert "model_groups.any[0]" in line
