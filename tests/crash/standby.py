"""`video-router` with all it imports, which begins when its input ends: kills come faster than imports."""

import sys

from router.cli import main

sys.stdin.read()
main()
