"""Words for the search index: Chinese characters and bigrams, pinyin, Latin words. No Django.

Bigrams need no dictionary and so never miss a place or product name that a segmenter does not know;
every query run of n characters asks for its n - 1 bigrams. Pinyin is indexed as joined suffixes, whole
and as initials, and asked for by prefix: 猕猴桃 is found by "mihoutao", "houtao", "mi hou tao" and
"mht".
"""

import re
import unicodedata
from collections.abc import Iterator

#: a query is cut here: nobody types more, and each term costs an index scan
MAX_QUERY_CHARACTERS = 64
MAX_QUERY_TERMS = 24

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_RUNS = re.compile(f"[{_HAN}]+|[a-z0-9]+")
#: particles between two wanted words; a run is cut at them in queries
_PARTICLES = re.compile("[的和与及]")


def document_tokens(*texts: str) -> list[str]:
    """All index tokens of the texts, sorted, without repeats."""
    found: set[str] = set()
    for text in texts:
        for run in _RUNS.findall(_normal(text)):
            if run[0].isascii():
                found.add(run)
            else:
                found.update(run)
                found.update(_bigrams(run))
                found.update(_pinyin_suffixes(run))
    return sorted(found)


def query_expression(text: str) -> str | None:
    """A tsquery in PostgreSQL's own spelling, all terms wanted; None when the text holds no word.

    Only Han characters, a-z and 0-9 come through, so nothing needs escaping inside the quotes.
    """
    terms: list[str] = []
    for run in _RUNS.findall(_normal(text[:MAX_QUERY_CHARACTERS])):
        if run[0].isascii():
            terms.append(f"'{run}':*")
        else:
            for part in _PARTICLES.split(run):
                terms.extend(f"'{word}'" for word in ([part] if len(part) == 1 else _bigrams(part)))
    unique = list(dict.fromkeys(terms))[:MAX_QUERY_TERMS]
    return " & ".join(unique) or None


def sort_key(name: str) -> str:
    """Pinyin with tones for sorting Chinese names: the embedded PostgreSQL has no ICU collations."""
    # Imported late: the dictionaries cost memory that a worker which only reads never needs.
    from pypinyin import Style, lazy_pinyin

    return " ".join(lazy_pinyin(_normal(name), style=Style.TONE3, neutral_tone_with_five=True))


def _normal(text: str) -> str:
    """Full width to half width, lower case."""
    return unicodedata.normalize("NFKC", text).lower()


def _bigrams(run: str) -> Iterator[str]:
    return (run[i : i + 2] for i in range(len(run) - 1))


def _pinyin_suffixes(run: str) -> Iterator[str]:
    from pypinyin import lazy_pinyin

    syllables = [s for s in lazy_pinyin(run, errors="ignore") if s.isascii()]
    for start in range(len(syllables)):
        yield "".join(syllables[start:])
        yield "".join(s[0] for s in syllables[start:])
