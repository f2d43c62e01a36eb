"""`python -m router` is `video-router`."""

from router.cli import main

main()
