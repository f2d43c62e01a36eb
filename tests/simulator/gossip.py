"""Webhooks of every provider, true, early, late, lost and lying: hints by the dozen that may change no outcome."""

import asyncio
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulator.simulation import Simulation


class GossipRun:
    """Says of jobs that they have ended, now and then, whether or not that is so."""

    def __init__(self, simulation: "Simulation") -> None:
        self._simulation = simulation
        # Of its own, so that nothing else of a seed depends on it.
        self._rng = Random(f"gossip {simulation.world.seed}")
        self._every_s = self._rng.choice((10.0, 30.0, 300.0))

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._rng.expovariate(1.0 / self._every_s))
            life, account = self._simulation.life, self._rng.choice(tuple(self._simulation.shop.accounts.values()))
            known = tuple(purchase.id for purchase in account.purchases.values())
            if life is None or not life.open or not known:
                continue
            # An end may be told before the answer to its create, and old ones are told again.
            remote_id = self._rng.choice((*known[-5:], *known[-5:], self._rng.choice(known), "of nobody"))
            life.spawn(life.hear(account.name, remote_id))
