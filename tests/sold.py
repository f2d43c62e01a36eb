"""What sandbox upstreams sell in tests where it is not what they sell by default."""

from providers.sandbox import Price

# The official lengths, and ten seconds as relays on that dialect sell it.
SOLD = {"openai": [Price("sora-2", 100_000, (4, 8, 10, 12), hd=False, per_second=True)]}
