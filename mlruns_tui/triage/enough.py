"""As much of a plan as frees what is needed, longest idle first."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from mlruns_tui.model.plan import Plan


def enough(
    plan: Plan, size_bytes: int, frees: Mapping[str, int], leaving_out: Callable[[Collection[str]], Plan]
) -> Plan:
    """The smallest part of the plan, taken longest idle first, that frees ``size_bytes``; all of it where that is
    not enough. ``frees``: bytes by key. ``leaving_out`` gives the plan without some items and what they drag along.
    """
    useful = [item for item in plan.items if frees.get(item.key, 0) > 0]
    order = [item.key for item in sorted(useful, key=lambda item: (item.newest_ns, item.key))]

    def first(number: int) -> Plan:
        going = set(order[:number])
        return leaving_out([item.key for item in plan.items if item.key not in going])

    def freed(part: Plan) -> int:
        return sum(frees.get(item.key, 0) for item in part.items)

    low, high = 0, len(order)
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if freed(first(middle)) >= size_bytes else (middle + 1, high)
    part = first(low)
    left = len(plan.items) - len(part.items)
    much = freed(part)
    if much < size_bytes:
        said = f"only {much:,} of the {size_bytes:,} bytes asked for can be freed by this"
    elif left:
        said = f"{left:,} more may go and {'stays' if left == 1 else 'stay'}: enough is freed without"
    else:
        return part
    return replace(part, messages=(*part.messages, said))
