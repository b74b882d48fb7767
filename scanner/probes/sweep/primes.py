"""Whether a modulus is a prime at all: a composite one is no Diffie-Hellman group but a door. Pure, but for its random witnesses."""

from __future__ import annotations

import secrets
from functools import lru_cache

ROUNDS = 6
"""Random witnesses; a composite passes all of them with a chance of at most 4**-6, and the usual composites with none."""
_SMALL = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47)
_LARGEST = 8_192
"""Bits beyond which no test is made: it would take minutes, and a peer chooses the number."""


@lru_cache(maxsize=64)
def is_prime(number: int) -> bool | None:
    """Whether the number is (very probably) a prime, by Miller and Rabin; None where it is too large to be tested."""
    if number < 2 or any(number % small == 0 for small in _SMALL):
        return number in _SMALL
    if number.bit_length() > _LARGEST:
        return None
    odd, twos = number - 1, 0
    while not odd & 1:
        odd, twos = odd >> 1, twos + 1
    return not any(_witnesses(2 + secrets.randbelow(number - 3), number, odd, twos) for _ in range(ROUNDS))


def _witnesses(base: int, number: int, odd: int, twos: int) -> bool:
    """Whether this base shows that the number is composite."""
    power = pow(base, odd, number)
    if power in (1, number - 1):
        return False
    for _ in range(twos - 1):
        power = power * power % number
        if power == number - 1:
            return False
    return True
