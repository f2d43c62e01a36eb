"""YAML is read literally, with the place of everything."""

import pytest

from router.config.document import Spot, parse


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-12", -12),
        ("1.50", 1.5),
        ("'1'", "1"),
        ("'true'", "true"),
        # What YAML 1.1 would make something else of.
        ("no", "no"),
        ("Yes", "Yes"),
        ("on", "on"),
        ("True", "True"),
        ("1:30", "1:30"),
        ("0123", "0123"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1e3", "1e3"),
        (".5", ".5"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("2026-11-01", "2026-11-01"),
        ("9" * 30, "9" * 30),
        ("=", "="),
        ("<<", "<<"),
    ],
)
def test_a_scalar_is_what_it_looks_like(written: str, value: object):
    document = parse(f"key: {written}\n", "file")
    assert document.value == {"key": value}
    assert type(document.value["key"]) is type(value)


def test_every_value_has_the_line_of_its_key_and_its_text():
    document = parse("a:\n  - b: 0.10\n    c:\n      d\n", "file")
    assert document.spots["a", 0, "b"] == Spot(2, 5, "0.10")
    assert document.spots["a", 0, "c"] == Spot(3, 5, "d")
    assert document.line(("a", 0, "b", "not", "there")) == 2
    assert document.known(("a", 0, "x")) == ("a", 0)


def test_keys_stay_text_and_the_first_of_two_counts():
    document = parse("no: 1\n1: 2\nno: {x: 3}\n", "file")
    assert document.value == {"no": 1, "1": 2}
    assert [problem.described("file") for problem in document.problems] == [
        "file:3: no: the key is given twice, first in line 1; keep one of them"
    ]


def test_the_lines_of_a_key_given_twice_do_not_mix():
    document = parse("a:\n  b: 1\na:\n  b: 2\n", "file")
    assert document.value == {"a": {"b": 1}}
    assert document.line(("a", "b")) == 2
