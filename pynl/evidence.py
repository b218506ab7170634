"""placeholder"""

from collections.abc import Sequence


def chance_of_a_miss(union: int, missed: Sequence[int]) -> float:
    chance = float(union)
    for count in missed:
        chance *= (count + 1) / (union + 2)
    return min(chance, 1.0)
