"""Rows of branching: integer counts of what plans do, on which a certificate may split cases.

Each count is a sum over the hops and blocks of plans, so a multiplier on it is a fee of those and pricing stays the same
programme; a row of one group gives that group fees of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from mecbench.problems.p1.instance import Instance
from mecbench.problems.p1.tables import Prices, Tables, plain_prices

__all__ = ["Row", "count", "with_rows"]


class Row(BaseModel):
    """A count over all plans: of blocks, of hops, or of tasks that fail; what is not named is summed over.

    The rows of the method are the blocks on the server in a slot (``Row(counts="blocks", node=0, slot=t)``), the hops of a
    group in a slot, and the blocks of a group on a node in a slot; a task runs at most one block and one hop in a slot. A
    block may be small, so what decides more is where a layer runs (``Row(counts="blocks", node=0, slot=t, layer=4)``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    counts: Literal["blocks", "hops", "failures"] = Field(description="what is counted")
    node: int | None = Field(None, ge=0, description="of blocks, those on one node")
    slot: int | None = Field(None, ge=0, description="of blocks and hops, those in one slot")
    group: int | None = Field(None, ge=0, description="those of the tasks of one group")
    layer: int | None = Field(None, ge=1, description="of blocks, those that run one of the layers 1..L")

    def fits(self, instance: Instance) -> bool:
        """Whether node, slot and group exist in an instance and mean something here."""
        found = ((self.node, instance.nodes), (self.slot, instance.slots), (self.group, instance.groups.size.size))
        exists = all(index is None or index < limit for index, limit in found)
        runs = self.layer is None or (self.layer <= instance.layers and self.counts == "blocks")
        return exists and runs and (self.node is None or self.counts == "blocks") and (self.slot is None or self.counts != "failures")


def count(row: Row, tables: Tables, group: np.ndarray, plan: np.ndarray, fail: np.ndarray) -> np.ndarray:
    """How often each plan counts in a row, int64, shape [C].

    Parameters
    ----------
    row, tables
        The row and the instance.
    group, plan, fail
        Group [C], node, layers done and share [C, 3, K], and whether it is the choice to fail [C].
    """
    mine = np.ones(group.size, dtype=bool) if row.group is None else group == row.group
    if row.counts == "failures":
        return (mine & fail).astype(np.int64)
    node = plan[:, 0]
    if row.counts == "hops":
        happens = node != np.concatenate((tables.source[group][:, None], node[:, :-1]), axis=1)
    else:
        happens = plan[:, 2] > 0
        if row.node is not None:
            happens &= node == row.node
        if row.layer is not None:
            done = plan[:, 1]
            happens &= (done >= row.layer) & (np.concatenate((np.zeros_like(done[:, :1]), done[:, :-1]), axis=1) < row.layer)
    if row.slot is not None:
        happens &= tables.release[group][:, None] + np.arange(tables.window) == row.slot
    return np.where(mine & ~fail, happens.sum(axis=1), 0)


def with_rows(tables: Tables, share: np.ndarray, hop: np.ndarray, rows: Iterable[tuple[Row, float]]) -> Prices:
    """Prices of capacities, and fees for what rows count.

    Parameters
    ----------
    tables
        The instance.
    share, hop
        pi [M, H] and sigma [H].
    rows
        Rows with the fee of each count; positive to deter, negative to reward.
    """
    prices, charged = plain_prices(tables, share, hop), list(rows)
    own = sorted({row.group for row, _ in charged if row.group is not None})
    if own:
        # Fees 0 are everybody's; groups with rows of their own have a copy each.
        rest = 1 + len(own)
        number = prices.row.copy()
        number[own] = np.arange(1, rest)
        prices = Prices(
            share=prices.share,
            hop=np.repeat(prices.hop, rest, axis=0),
            block=np.repeat(prices.block, rest, axis=0),
            layers=np.repeat(prices.layers, rest, axis=0),
            fail=np.zeros(rest),
            row=number,
        )
    for row, fee in charged:
        whose = slice(None) if row.group is None else slice(prices.row[row.group], prices.row[row.group] + 1)
        when = slice(None) if row.slot is None else row.slot
        if row.counts == "failures":
            prices.fail[whose] += fee
        elif row.counts == "hops":
            prices.hop[whose, when] += fee
        elif row.layer is not None:
            prices.layers[whose, slice(None) if row.node is None else row.node, when, row.layer :] += fee
        else:
            prices.block[whose, slice(None) if row.node is None else row.node, when] += fee
    return prices
