"""What is said of the section `content` before it loses a video."""

from pathlib import Path

import pytest

from tests.config.files import SOUND, complaints, loaded, warned

ENOUGH = "content: {mode: mirror, folder: mirror, bytes_max: 268435456, free_bytes_min: 0}\n"


def test_without_a_word_nothing_is_kept(tmp_path: Path) -> None:
    assert loaded(tmp_path, SOUND).mirror is None


def test_a_folder_stands_beside_the_configuration_and_is_not_made_by_reading(tmp_path: Path) -> None:
    settings = loaded(tmp_path, ENOUGH + SOUND)
    assert settings.mirror is not None
    assert settings.mirror.folder == tmp_path / "mirror"
    assert settings.warnings == ()
    assert not (tmp_path / "mirror").exists()


def test_a_mirror_needs_a_folder(tmp_path: Path) -> None:
    (complaint,) = complaints(tmp_path, "content: {mode: mirror}\n" + SOUND)
    assert complaint == (
        "router.yaml:1: content.mode: mirror needs `folder` beside it, where finished videos are kept,"
        " such as /var/lib/mirror"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{folder: mirror}", "content.folder: has no effect under `mode: stream`; write `mode: mirror`, or remove it"),
        (
            "{mode: mirror, folder: mirror, bytes_max: 1048576, free_bytes_min: 0}",
            "content.bytes_max: holds few videos",
        ),
        (ENOUGH[9:-2] + ", age_s_max: 60}", "content.age_s_max: videos are gone before their links are"),
        (
            "{mode: mirror, folder: mirror, bytes_max: 1125899906842624}",
            "content.bytes_max: is never reached: the disk has ",
        ),
        ("{mode: mirror, folder: missing/mirror, bytes_max: 268435456}", "content.folder: no video can be kept: "),
        (
            "{mode: mirror, folder: router.yaml, bytes_max: 268435456}",
            "is no folder (links are not followed); name one",
        ),
        ("{mode: mirror, folder: open, bytes_max: 268435456}", "others may look into the folder; run chmod 700 on it"),
    ],
)
def test_what_keeps_next_to_nothing_is_warned_of(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o755)
    (warning,) = warned(tmp_path, f"content: {content}\n" + SOUND)
    assert said in warning
