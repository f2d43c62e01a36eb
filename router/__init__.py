"""One canonical video request in; the cheapest healthy provider does the work."""
