"""Pure decisions on frozen values: no I/O, and clock and randomness are arguments."""
