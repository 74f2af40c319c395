"""A text without an English translation fails the build; zh-Hans is the source language."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("marketplace", "farmers", "catalog", "lockers", "routing", "orders")
MARKS = {"N_": None, "_": None, "gettext": None, "gettext_lazy": None}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
PLACES = re.compile(r"%\(\w+\)s|{\w+}")


def source_texts() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        found = extract_from_dir(ROOT / package, method_map=[("**.py", "python")], keywords=MARKS)
        for name, line, text, *_ in found:
            if isinstance(text, str) and CHINESE.search(text):
                yield text, f"{package}/{name}:{line}"


@pytest.fixture(scope="module")
def english() -> dict[str, str]:
    with (ROOT / "marketplace/locale/en/LC_MESSAGES/django.po").open("rb") as file:
        return {str(message.id): str(message.string) for message in read_po(file, locale="en") if message.id}


def test_every_text_is_translated(english: dict[str, str]) -> None:
    missing = sorted({f"{where} {text}" for text, where in source_texts() if not english.get(text)})
    assert missing == []


def test_no_translation_lost_its_source_or_a_named_place(english: dict[str, str]) -> None:
    texts = {text for text, _ in source_texts()}
    assert len(texts) > 50
    assert sorted(set(english) - texts) == []
    assert {t: e for t, e in english.items() if set(PLACES.findall(t)) != set(PLACES.findall(e))} == {}
