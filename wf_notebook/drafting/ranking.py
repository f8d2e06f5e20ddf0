"""Which steps a prompt has room for: those that share words with the request, best first."""

from __future__ import annotations

import itertools
import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wf_notebook.drafting.entries import StepEntry

__all__ = ["Fit", "fit", "ranked", "tokens", "words"]

_CHARS_PER_TOKEN: Final = 3.5  # of English and JSON mixed; models differ by a fifth
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_]+")
_COMMON_WORDS: Final = """
a an and are as at be by each for from if in into is it its of on or step that the then this to
when with
"""
_COMMON: Final = frozenset(_COMMON_WORDS.split())
_ENDINGS: Final = ("ing", "ed", "es", "s", "e")
_STEM: Final = 3
_NAME_WEIGHT: Final = 3
_MOST_NAMED: Final = 30
_NOTE: Final = 300  # tokens of the note on what is cut
_IN_FULL: Final = 0.67  # of the room


class Fit(NamedTuple):
    """What of a catalogue fits.

    Attributes:
        full: shown with everything.
        brief: shown with signature and first line.
        left_out: aliases of those that are not shown.
    """

    full: tuple[StepEntry, ...]
    brief: tuple[StepEntry, ...]
    left_out: tuple[str, ...]

    @property
    def note(self) -> str:
        """What is said of those that are cut; "" if nothing is."""
        said: list[str] = []
        if self.brief:
            said.append(f"The last {len(self.brief)} steps are shown in brief, for lack of room.")
        if self.left_out:
            names = ", ".join(self.left_out[:_MOST_NAMED])
            more = len(self.left_out) - _MOST_NAMED
            rest = f" and {more} more" if more > 0 else ""
            said.append(
                f"{len(self.left_out)} further steps, which fit the request less, are left out: "
                f"{names}{rest}."
            )
        return " ".join(said)


def tokens(text: str) -> int:
    """Return about how many tokens a text is.

    >>> tokens("a" * 35)
    10
    """
    return math.ceil(len(text) / _CHARS_PER_TOKEN)


def words(text: str) -> list[str]:
    """Return the words of a text or a name, without their endings.

    >>> words("fetch_orders: Fetching parseJSON")
    ['fetch', 'order', 'fetch', 'pars', 'json']
    """
    found = (word.lower() for word in _WORD.findall(text))
    return [_stem(word) for word in found if word not in _COMMON]


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _STEM:
            return word[: -len(ending)]
    return word


def ranked(entries: Sequence[StepEntry], request: str) -> list[StepEntry]:
    """Return entries, those first that share most with a request; alike ones as they came."""
    known = [_bag(entry) for entry in entries]
    asked = set(words(request))
    frequency = Counter(word for bag in known for word in bag)
    scores = [
        sum(bag[word] * math.log(1 + len(known) / frequency[word]) for word in asked & bag.keys())
        for bag in known
    ]
    order = sorted(range(len(entries)), key=lambda place: -scores[place])
    return [entries[place] for place in order]


def _bag(entry: StepEntry) -> dict[str, int]:
    """What a step is about: each word counts once, and more if it is in the name."""
    bag = dict.fromkeys(words(f"{entry.doc} {' '.join(entry.parameters['properties'])}"), 1)
    return bag | dict.fromkeys(words(entry.alias), _NAME_WEIGHT)


def fit(entries: Sequence[StepEntry], request: str, room: int) -> Fit:
    """Return what fits into so many tokens; all of it, in its own order, if it does.

    Else those that fit the request best are shown in full, the next ones in brief.
    """
    if sum(_cost(entry.text) for entry in entries) <= room:
        return Fit(tuple(entries), (), ())
    order = ranked(entries, request)
    room -= _NOTE
    full = _taken([entry.text for entry in order], int(room * _IN_FULL))
    rest = order[full:]
    room -= sum(_cost(entry.text) for entry in order[:full])
    brief = max(_taken([entry.brief for entry in rest], room), 0 if full else 1)
    left_out = tuple(entry.alias for entry in rest[brief:])
    return Fit(tuple(order[:full]), tuple(rest[:brief]), left_out)


def _taken(texts: Sequence[str], room: int) -> int:
    """Return how many texts fit, from the first on."""
    sums = itertools.accumulate(map(_cost, texts))
    return sum(1 for _ in itertools.takewhile(lambda total: total <= room, sums))


def _cost(text: str) -> int:
    return tokens(f"{text}\n\n")
