"""Whether a provider's list of jobs may answer polls: as an operator says, else as is known of its profile."""

from pathlib import Path

import pytest

from providers.canonical import ListPolling
from tests.config.files import changed, complaints, loaded, warned
from tests.config.test_lost_answers import LISTING


def polling(text: str) -> str:
    """Add to how the one provider of a configuration is polled."""
    return changed("{first_after_s: 5}", f"{{first_after_s: 5, {text}}}", LISTING)


def profile(name: str, base: str = LISTING) -> str:
    """Say which known server it is."""
    return changed("dialect: openai", f"dialect: openai\n    profile: {name}", base)


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        (LISTING, ListPolling.OFF),
        (profile("azure"), ListPolling.OFF),
        (profile("new-api"), ListPolling.OFF),
        (profile("sglang"), ListPolling.TRUSTED),
        (profile("vllm-omni"), ListPolling.TRUSTED),
        (profile("video-router"), ListPolling.TRUSTED),
        (polling("listed: confirmed"), ListPolling.CONFIRMED),
        (polling("listed: trusted"), ListPolling.TRUSTED),
        (profile("sglang", polling("listed: off")), ListPolling.OFF),
    ],
)
def test_a_list_is_believed_as_far_as_said_or_known(tmp_path: Path, text: str, listed: ListPolling) -> None:
    assert loaded(tmp_path, text).catalog.providers["relay-a"].polling.listed is listed


def test_a_list_that_does_not_exist_has_no_effect(tmp_path: Path) -> None:
    assert warned(tmp_path, polling("listed: trusted")) == []
    (warning,) = warned(tmp_path, profile("new-api", polling("listed: trusted")))
    assert "polling.listed: has no effect: profile new-api of openai has no list that tells how far jobs are" in warning
    assert warned(tmp_path, profile("new-api", polling("listed: off"))) == []


def test_a_wrong_word_is_answered_with_the_right_ones(tmp_path: Path) -> None:
    (line,) = complaints(tmp_path, polling("listed: yes"))
    assert "polling.listed: 'yes' is not accepted; accepted values: confirmed, off, trusted" in line
