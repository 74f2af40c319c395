import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.search_tokens import MAX_QUERY_TERMS, document_tokens, query_expression, sort_key


def found_by(query: str, *texts: str) -> bool:
    """What PostgreSQL does with the expression, on plain lists."""
    expression = query_expression(query)
    if expression is None:
        return False
    tokens = document_tokens(*texts)
    terms = re.findall(r"'([^']+)'(:\*)?", expression)
    return all(
        any(token.startswith(word) for token in tokens) if prefix else word in tokens
        for word, prefix in terms
    )


@pytest.mark.parametrize(
    "query",
    [
        "猕猴桃",
        "奉新",
        "奉新猕猴桃",
        "奉新的猕猴桃",
        "桃",
        "mihoutao",
        "mi hou tao",
        "MHT",
        "fxmht",
        "mihou",
        "kiwi",
        "KIWI fengxin",
        "ＫＩＷＩ",
    ],
)
def test_words_pinyin_and_initials_find_the_same_product(query: str) -> None:
    assert found_by(query, "奉新猕猴桃", "Fengxin kiwifruit")


@pytest.mark.parametrize("query", ["土豆", "猕桃", "mihoutu", "mht 土豆"])
def test_other_words_do_not(query: str) -> None:
    assert not found_by(query, "奉新猕猴桃", "Fengxin kiwifruit")


def test_a_character_outside_the_basic_plane_is_a_character() -> None:
    assert found_by("𬮤山", "𬮤山镇大米")


@pytest.mark.parametrize("text", ["", "   ", "!!! --", "的", "'; DROP TABLE"])
def test_what_holds_no_word_asks_for_nothing_dangerous(text: str) -> None:
    expression = query_expression(text)
    assert expression is None or re.fullmatch(r"'[a-z0-9]+':\*( & '[a-z0-9]+':\*)*", expression)


@given(st.text(max_size=300))
def test_any_text_gives_a_bounded_and_quoted_expression(text: str) -> None:
    expression = query_expression(text)
    if expression is not None:
        terms = expression.split(" & ")
        assert len(terms) <= MAX_QUERY_TERMS
        assert all(re.fullmatch(r"'[^'\\]+'(:\*)?", term) for term in terms)


@given(st.text(alphabet="奉新猕猴桃大米山茶油干笋", min_size=1, max_size=12))
def test_every_piece_of_a_name_finds_it(name: str) -> None:
    for start in range(len(name)):
        assert found_by(name[start:], name)


def test_names_sort_by_pinyin() -> None:
    assert sorted(["樟树花生", "靖安白茶", "奉新大米"], key=sort_key) == ["奉新大米", "靖安白茶", "樟树花生"]
