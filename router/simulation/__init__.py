"""Jobs on a virtual clock: recorded ones through another configuration, and made-up ones through made-up worlds."""
