"""The table of `check`: who would sell what at which price."""

from datetime import timedelta
from io import StringIO
from pathlib import Path

from rich.console import Console

from router.config import described
from router.config.report import check_table, group_table, lines
from tests.config.files import NOW, SOUND, changed, loaded

TWO = (
    changed(
        '{per_clip: "0.12"}',
        '{currency: CNY, per_clip: [{amount: "1.00", sizes: [720x1280]}, {amount: "2.00", sizes: [1280x720]}]}',
        'currencies: {CNY: {usd: "0.14", as_of: 2026-11-01}}\n' + SOUND,
    )
    + """\
  relay-b:
    dialect: openai
    base_url: https://relay-b.example.com
    api_key: {env: OTHER_KEY}
    offerings:
      - model: sora-2
        sizes: [1280x720]
        seconds: [10]
        image_inputs: [url]
        images_max: 1
        available_until: 2026-12-01
        price: {per_second: "0.02"}
"""
)


def shown(folder: Path, text: str, **later: float) -> str:
    out = StringIO()
    table = check_table(loaded(folder, text), NOW + timedelta(**later))
    Console(file=out, width=200).print(table)
    return out.getvalue()


def test_offers_for_the_same_video_stand_together_cheapest_first(tmp_path: Path):
    rows = [
        (line.seconds, [str(size) for size in line.sizes], line.offering.provider, line.quote_microusd)
        for line in lines(loaded(tmp_path, TWO))
    ]
    assert rows == [
        (10, ["720x1280"], "relay-a", 140_000),
        (10, ["1280x720"], "relay-b", 200_000),
        (10, ["1280x720"], "relay-a", 280_000),
        (15, ["720x1280"], "relay-a", 140_000),
        (15, ["1280x720"], "relay-a", 280_000),
    ]


def test_the_table_shows_price_price_per_second_and_what_was_written(tmp_path: Path):
    row = next(line for line in shown(tmp_path, TWO).splitlines() if "relay-b" in line)
    cells = [
        "sora-2",
        "10",
        "1280x720",
        "relay-b/sora-2",
        "0.20",
        "0.02",
        "0.02",
        "USD/second",
        "1",
        "url",
        "2026-12-01",
        "(9",
        "days)",
    ]
    assert row.split() == cells


def test_the_table_is_headed_by_the_file_and_what_it_lists(tmp_path: Path):
    # A long path folds.
    head = " ".join(shown(tmp_path, TWO).split()[:3])
    assert "router.yaml: offerings" in head


def test_the_table_marks_what_has_ended(tmp_path: Path):
    assert "ended 2026-12-01" not in shown(tmp_path, TWO)
    assert "ended 2026-12-01" in shown(tmp_path, TWO, days=30)


def test_the_table_leaves_out_what_the_dialect_cannot_ask_for(tmp_path: Path):
    text = changed("dialect: jizhiai", "dialect: shenma", changed("[720x1280, 1280x720]", "[1024x1792]"))
    settings = loaded(tmp_path, changed("[10, 15]", "[10, 25]", text))
    assert [line.seconds for line in lines(settings)] == [10]


def test_the_table_shows_no_key(tmp_path: Path):
    assert "canary" not in shown(tmp_path, TWO)


def test_problems_are_described_in_the_order_of_the_file(tmp_path: Path):
    text = changed('"0.12"', '"0.12", example: true', changed("hold", 'hold\n  max_duplicate_usd: "1"'))
    settings = loaded(tmp_path, text)
    assert [line.split(": ")[0] for line in described("f.yaml", reversed(settings.warnings))] == [
        "f.yaml:3",
        "f.yaml:14",
    ]


def cells(text: str, name: str) -> list[str]:
    """Return the words of the first row in which an offering is named."""
    return next(line.split() for line in text.splitlines() if name in line)


def test_the_table_shows_ranks_where_they_are_asked_by_and_the_first_rank_first(tmp_path: Path):
    ranked = TWO.replace("seconds: [10]\n", "seconds: [10]\n        priority: 2\n")
    by_rank = f"routing: {{policy: priority}}\n{ranked}"
    assert " priority " not in shown(tmp_path, ranked)
    assert " priority " in shown(tmp_path, by_rank)
    assert cells(shown(tmp_path, by_rank), "relay-b/")[4] == "2"
    offers = [(line.offering.provider, line.quote_microusd) for line in lines(loaded(tmp_path, by_rank))]
    assert offers[:3] == [("relay-a", 140_000), ("relay-a", 280_000), ("relay-b", 200_000)]


def test_the_table_shows_weights_where_they_are_shares(tmp_path: Path):
    weighted = TWO.replace("seconds: [10]\n", "seconds: [10]\n        weight: 2.5\n")
    assert " weight " not in shown(tmp_path, weighted)
    assert cells(shown(tmp_path, f"routing: {{policy: weighted}}\n{weighted}"), "relay-b/")[4] == "2.5"


def test_the_table_counts_the_last_days_and_marks_who_is_drained(tmp_path: Path):
    assert cells(shown(tmp_path, TWO), "relay-b/")[-3:] == ["2026-12-01", "(9", "days)"]
    assert cells(shown(tmp_path, TWO, days=8), "relay-b/")[-2:] == ["(1", "day)"]
    drained = TWO.replace("    dialect: jizhiai", "    dialect: jizhiai\n    drained: true")
    assert cells(shown(tmp_path, drained), "relay-a/")[-1] == "drained"


def test_groups_are_shown_with_their_models_and_those_who_sell_them_now(tmp_path: Path):
    def grouped(text: str, **later: float) -> str:
        out = StringIO()
        settings = loaded(tmp_path, f"model_groups: {{any: [sora-2]}}\n{text}")
        Console(file=out, width=200).print(group_table(settings, NOW + timedelta(**later)))
        return out.getvalue()

    assert cells(grouped(TWO), "any") == ["any", "sora-2", "relay-a,", "relay-b"]
    assert cells(grouped(TWO, days=30), "any") == ["any", "sora-2", "relay-a"]
    drained = SOUND.replace("    dialect: jizhiai", "    dialect: jizhiai\n    drained: true")
    assert cells(grouped(drained), "any") == ["any", "sora-2", "nobody"]
