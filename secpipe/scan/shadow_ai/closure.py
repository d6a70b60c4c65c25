"""What everything that a file reaches holds together: in work that grows as the imports do, circles included."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Thing = TypeVar("Thing")


def closures(
    starts: Iterable[str], ways: Callable[[str], Iterable[str]], own: Callable[[str], frozenset[Thing]]
) -> dict[str, frozenset[Thing]]:
    """Return what each node holds with all that it reaches, of the nodes `starts` and those that they reach.

    Nodes of a circle reach the same, so that it is worked out once for all of them (Tarjan 1972).
    """
    done: dict[str, frozenset[Thing]] = {}
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    open_: list[str] = []  # nodes whose circle is not known whole
    work: list[tuple[str, Iterator[str]]] = []

    def enter(node: str) -> None:
        low[node] = order[node] = len(order)
        open_.append(node)
        work.append((node, iter(ways(node))))

    for start in starts:
        if start not in order:
            enter(start)
        while work:
            node, left = work[-1]
            for other in left:
                if other not in order:
                    enter(other)
                    break
                if other not in done:
                    low[node] = min(low[node], order[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == order[node]:
                    circle = [open_.pop()]
                    while circle[-1] != node:
                        circle.append(open_.pop())
                    behind = {id(done[one]): done[one] for each in circle for one in ways(each) if one in done}
                    held: frozenset[Thing] = frozenset().union(*map(own, circle), *behind.values())
                    done.update(dict.fromkeys(circle, held))
    return done
