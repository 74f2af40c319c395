"""Seeded chance, and invented names, telephone numbers and PINs."""

import random
from collections.abc import Sequence
from itertools import count, pairwise

_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余杜叶程苏魏吕丁任沈姚卢"
)
_GIVEN = [
    "秀英",
    "桂兰",
    "建国",
    "志强",
    "玉梅",
    "春花",
    "海燕",
    "小红",
    "国强",
    "建华",
    "冬梅",
    "水生",
    "根生",
    "金凤",
    "丽娟",
    "文斌",
    "晓明",
    "细妹",
    "福生",
    "长根",
    "桂花",
    "美玲",
    "永红",
    "志平",
    "小军",
    "雪梅",
    "伟民",
    "兰英",
    "玉兰",
    "国平",
    "春生",
    "秋香",
    "火根",
    "香莲",
    "润生",
    "菊英",
    "贵平",
    "腊梅",
    "运生",
    "莲花",
]


def stream(*topic: object) -> random.Random:
    """Chance of its own for each topic, so that a change in one part of a world leaves the others alone."""
    return random.Random("|".join(str(part) for part in topic))


class Names:
    """Names of people; no two alike while there are names left, then a number follows."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._used: dict[str, int] = {}

    def person(self) -> str:
        name = ""
        for _ in range(20):
            name = self._rng.choice(_SURNAMES) + self._rng.choice(_GIVEN)
            if name not in self._used:
                self._used[name] = 1
                return name
        self._used[name] += 1
        return f"{name}{self._used[name]}"


class Phones:
    """Mobile numbers 199 0000 0001 and up: plainly made up, each used once."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def mobile(self) -> str:
        return f"199{next(self._numbers):08d}"


def pin(rng: random.Random) -> str:
    """Six digits; never all alike nor a run, as a PIN check would refuse those."""
    while True:
        digits = f"{rng.randrange(1_000_000):06d}"
        steps = {(int(b) - int(a)) % 10 for a, b in pairwise(digits)}
        if len(steps) > 1:
            return digits


def shares(rng: random.Random, total: int, keys: Sequence[str], spread: float = 1.5) -> dict[str, int]:
    """Split `total` over `keys` unevenly (gamma weights give the negative binomial spread of real days).

    The counts add up to `total`; a larger `spread` is more even.
    """
    weights = [rng.gammavariate(spread, 1.0) for _ in keys]
    chosen = rng.choices(range(len(keys)), weights=weights, k=total)
    counts = dict.fromkeys(keys, 0)
    for index in chosen:
        counts[keys[index]] += 1
    return counts
