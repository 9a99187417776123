"""What Hypothesis draws in the tests of several modules."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

SCALARS: st.SearchStrategy[Any] = st.none() | st.booleans() | st.integers() | st.text(max_size=8)


def json_values(*keys: str, scalars: st.SearchStrategy[Any] = SCALARS) -> st.SearchStrategy[Any]:
    """Small JSON values of any kind; `keys`: those that its readers look for, instead of any."""
    names = st.sampled_from(keys) if keys else st.text(max_size=8)
    return st.recursive(
        scalars,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
        max_leaves=8,
    )
