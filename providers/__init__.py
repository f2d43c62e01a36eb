"""Pure translation between the canonical vocabulary and upstream wire dialects."""
