"""An operator who looks an uncertain attempt up in its provider's books and tells the router what he found."""

import asyncio
from typing import TYPE_CHECKING

from router.core.order import UnavailableError
from router.core.resolution import Billed, Found, NotFound, Resolution, ResolutionError
from tests.simulator.audit import AttemptRow
from tests.simulator.incarnation import LostError

if TYPE_CHECKING:
    from tests.simulator.simulation import Simulation


class OperatorRun:
    """Resolves what is uncertain, now and then, and always truly."""

    def __init__(self, simulation: "Simulation") -> None:
        self._simulation = simulation
        self._rng = simulation.world.chance()
        self._every_s = self._rng.choice((60.0, 300.0, 1500.0))

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._rng.expovariate(1.0 / self._every_s))
            open_ = [each for each in self._simulation.audit.attempts.values() if each.state in ("unknown", "late")]
            if open_:
                await self._resolve(self._rng.choice(open_))

    async def _resolve(self, attempt: AttemptRow) -> None:
        life, resolution = self._simulation.life, self._found_out(attempt)
        if life is None or resolution is None:
            return
        world = self._simulation.world
        world.say(f"operator: {attempt.id} is {type(resolution).__name__}")
        name = attempt.id if self._rng.random() < 0.8 else attempt.job_id
        if name == attempt.job_id and len(self._simulation.audit.attempts_of(name)) > 1:
            name = attempt.id
        try:
            await life.ask(lambda engine: engine.resolve(name, resolution))
            world.counts["resolutions"] += 1
        except (LostError, UnavailableError, ResolutionError) as error:
            if isinstance(error, UnavailableError):
                self._simulation.audit.unsure.add(attempt.id)
            world.say(f"operator: not resolved, {type(error).__name__}")

    def _found_out(self, attempt: AttemptRow) -> Resolution | None:
        """Read the books; a create that may still be on its way is nobody's to judge."""
        purchase = self._simulation.audit.bought.get(attempt.id)
        if purchase is None:
            return None if attempt.id in self._simulation.in_the_air else NotFound()
        account = self._simulation.shop.accounts[attempt.provider]
        if not account.is_over(purchase) or purchase.lie is not None or self._rng.random() < 0.5:
            return Found(purchase.id)
        net = account.net_microusd(purchase)
        return Billed(net) if net else NotFound()
