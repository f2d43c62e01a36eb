"""The front door: the OpenAI Videos API for callers, and an admin listener apart. No decisions."""
