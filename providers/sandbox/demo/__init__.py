"""The demo: a sandbox and a router as real processes, requests through the official SDK, the books compared."""
