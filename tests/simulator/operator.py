"""An operator who reads the providers' books: he tells the router what he found, and corrects what it booked."""

import asyncio
from typing import TYPE_CHECKING

from router.core.ledger import AdjustmentError
from router.core.order import UnavailableError
from router.core.resolution import Billed, Found, NotFound, Resolution, ResolutionError
from tests.simulator.incarnation import LostError
from tests.simulator.ledger import AttemptRow

if TYPE_CHECKING:
    from tests.simulator.simulation import Simulation


class OperatorRun:
    """Resolves what is uncertain and corrects what was credited later, now and then, and always truly."""

    def __init__(self, simulation: "Simulation") -> None:
        self._simulation = simulation
        self._rng = simulation.world.chance()
        self._every_s = self._rng.choice((60.0, 300.0, 1500.0))
        self._correcting: AttemptRow | None = None

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._rng.expovariate(1.0 / self._every_s))
            open_ = [each for each in self._simulation.audit.attempts.values() if each.state in ("unknown", "late")]
            if open_ and self._rng.random() < 0.7:
                await self._resolve(self._rng.choice(open_))
            else:
                self._dispute()
                await self.finish()

    async def finish(self) -> None:
        """Correct the ledger until it says what the provider's invoice says."""
        while (attempt := self._correcting) is not None:
            purchase = self._simulation.audit.bought[attempt.id]
            net = self._simulation.shop.accounts[attempt.provider].net_microusd(purchase)
            if self._simulation.audit.money[attempt.id].most_microusd == net:
                self._correcting = None
                return
            await self._adjust(attempt, net)
            await asyncio.sleep(self._rng.uniform(1.0, 20.0))

    def _dispute(self) -> None:
        """Have something back of what was posted and really bought."""
        audit = self._simulation.audit
        for attempt in audit.attempts.values():
            closing, purchase = audit.money[attempt.id].closing, audit.bought.get(attempt.id)
            posted = closing is not None and closing.kind == "posted" and attempt.id not in audit.unsure
            if purchase is None or not posted or purchase.credited_microusd or purchase.lie is not None:
                continue
            if self._rng.random() < 0.2:
                self._simulation.shop.accounts[attempt.provider].credit(purchase)
                self._simulation.world.say(f"operator: {attempt.id} is credited {purchase.credited_microusd}")
                self._correcting = attempt
                return

    async def _adjust(self, attempt: AttemptRow, net: int) -> None:
        life = self._simulation.life
        if life is None:
            return
        try:
            await life.ask(lambda engine: engine.adjust(attempt.id, net, "credit note"))
            self._simulation.world.counts["adjustments"] += 1
        except UnavailableError:
            self._simulation.audit.unsure.add(attempt.id)
        except (LostError, AdjustmentError) as error:
            self._simulation.world.say(f"operator: not adjusted, {type(error).__name__}")

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
