"""Tables for people who compare what providers really cost."""
