"""What happens with the mirror becomes metrics."""

from router.core.events import MirrorUsed
from router.observe.instruments import Instruments
from router.observe.labels import MIRROR_OPERATIONS


def count(to: Instruments, event: MirrorUsed) -> None:
    """Show how much is held, and count what was done; what a start found was done before."""
    to.mirror_bytes.at().set(event.held_bytes)
    to.mirror_videos.at().set(event.files)
    if event.operation in MIRROR_OPERATIONS:
        to.mirror_operations.at(event.operation).inc(event.count)
