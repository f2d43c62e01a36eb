"""The one shell around the pure core: it sends, stores and waits, and decides nothing."""
