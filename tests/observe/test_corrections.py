"""What an operator corrects is told, and shown beside what was posted."""

from tests.observe import scenes
from tests.observe.exposed import changes, metrics_of
from tests.observe.test_logs import written


def test_corrections_add_up_whichever_way_they_go():
    metrics = metrics_of()
    down, up = scenes.corrected(to_microusd=250_000)[-1], scenes.corrected(to_microusd=900_001)[-1]
    assert changes(metrics, [down]) == {"adjusted_usd{provider=p0}": -0.55}
    assert changes(metrics, [up]) == {"adjusted_usd{provider=p0}": 0.100001}
    assert changes(metrics, scenes.delivery()).get("adjusted_usd{provider=p0}") is None


def test_a_correction_is_logged_without_what_the_operator_wrote():
    (line,) = [each for each in written(scenes.corrected()) if each["event"] == "ledger_adjusted"]
    assert (line["level"], line["kind"], line["amount_microusd"]) == ("warning", "delivered", -550_000)
    assert "invoice" not in str(line)
