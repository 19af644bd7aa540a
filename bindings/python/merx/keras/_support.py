"""What the modules of merx.keras share: refusals, names, the seed."""
import os
import re
from collections.abc import Iterable
from typing import Any, NoReturn

import numpy as np


def refuse(where: str, argument: str, value: Any, supported: str) -> NoReturn:
    """Raises NotImplementedError for something Keras has and merx has not."""
    raise NotImplementedError(f"{where}: {argument}={value!r} is not supported; merx supports {supported}")


def fixed(where: str, **arguments: tuple[Any, Any]) -> None:
    """Refuses every argument whose (value, only supported value) differ."""
    for name, (value, only) in arguments.items():
        same = value is only or (only is not None and isinstance(value, (bool, int, float, str, tuple)) and value == only)
        if not same:
            refuse(where, name, value, f"{name}={only!r} alone")


def did_you_mean(word: Any, known: Iterable[str]) -> str:
    """' Did you mean …?', or the list of what is known."""
    import difflib

    known = list(known)
    near = difflib.get_close_matches(str(word), known, 1)
    return f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(known)}."


def whole(where: str, name: str, value: Any, least: int = 1) -> int:
    """value as an int of at least `least`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, np.integer)) or value < least:
        kind = "a positive integer" if least == 1 else f"an integer of at least {least}"
        raise ValueError(f"{where}: Received an invalid value for `{name}`, expected {kind}. Received: {name}={value!r}")
    return int(value)


def pair(where: str, name: str, value: Any) -> tuple[int, int]:
    """A whole number or two, as two."""
    values = (value, value) if isinstance(value, (int, np.integer)) else value
    try:
        values = tuple(values)
    except TypeError:
        values = ()
    if len(values) != 2:
        raise ValueError(f"{where}: The `{name}` argument must be a tuple of 2 integers. Received {name}={value!r}")
    return whole(where, name, values[0]), whole(where, name, values[1])


def snake(word: str) -> str:
    """MaxPooling2D becomes max_pooling2d."""
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z0-9]+)", r"\1_\2", word)).lower()


_counts: dict[str, int] = {}


def numbered(word: str) -> str:
    """word, word_1, word_2 …, one more at each call."""
    count = _counts[word] = _counts.get(word, -1) + 1
    return word if count == 0 else f"{word}_{count}"


class _Seed:
    seed: int | None = None
    drawn = 0


def set_seed(seed: int) -> None:
    """What set_random_seed does."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**32:
        raise ValueError(f"Expected `seed` argument to be an integer in [0, 2^32). Received: seed={seed!r}")
    import random

    _Seed.seed, _Seed.drawn = int(seed), 0
    random.seed(int(seed))
    np.random.seed(int(seed))


def next_seed() -> int:
    """The seed of one more model: of set_random_seed and how many came before, or a random one."""
    if _Seed.seed is None:
        return int.from_bytes(os.urandom(8), "little") >> 1
    _Seed.drawn += 1
    return int(np.random.SeedSequence([_Seed.seed, _Seed.drawn]).generate_state(1, np.uint64)[0] >> np.uint64(1))
