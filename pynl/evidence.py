"""How likely it is that something was missed."""

from __future__ import annotations

from collections.abc import Sequence


def chance_of_a_miss(union: int, missed: Sequence[int]) -> float:
    """That an object which several dumps should have listed is in none of them."""
    chance = float(union)
    for count in missed:
        chance *= (count + 1) / (union + 2)
    return min(chance, 1.0)
