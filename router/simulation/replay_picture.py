"""A replay as a picture: whom the money went to in each of the three ways, and what the replayed one rests on."""

from pathlib import Path
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from router.simulation.recorded_world import Grounds
from router.simulation.replay import ProviderShare, Replay, Weight

_USD: Final = 1e6


def draw_replay(found: Replay, file: Path) -> None:
    """Write a PNG; raises OSError when it cannot be written."""
    figure = Figure(figsize=(11.0, 8.0), layout="constrained")
    above, below = figure.subplots(2, 1)
    _draw_spend(above, found)
    _draw_grounds(below, found)
    figure.savefig(file, format="png", dpi=110)


def _draw_spend(axes: Axes, found: Replay) -> None:
    sides = (found.happened, found.replayed, found.oracle)
    labels = [f"{side.name}\n{side.delivered_share:.1%} delivered" for side in sides]
    left = [0.0] * len(sides)
    for name in sorted({name for side in sides for name in side.providers}):
        spent = [side.providers.get(name, ProviderShare()).paid_microusd / _USD for side in sides]
        axes.barh(labels, spent, left=left, label=name)
        left = [before + more for before, more in zip(left, spent, strict=True)]
    axes.invert_yaxis()
    axes.set_title("What the same jobs cost, by provider")
    axes.set_xlabel("USD")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small")


def _draw_grounds(axes: Axes, found: Replay) -> None:
    names, left = [*found.grounds], [0.0] * len(found.grounds)
    for grounds, color in zip(Grounds, ("tab:green", "yellowgreen", "gold", "orange", "tab:red"), strict=True):
        attempts = [float(each.get(grounds, Weight()).attempts) for each in found.grounds.values()]
        axes.barh(names, attempts, left=left, label=str(grounds), color=color)
        left = [before + more for before, more in zip(left, attempts, strict=True)]
    axes.invert_yaxis()
    axes.set_title("What the replay rests on: the redder, the less anybody saw")
    axes.set_xlabel("attempts")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize="small")
