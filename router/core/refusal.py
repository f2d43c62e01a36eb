"""What an operator's order may meet."""


class RefusedOrderError(Exception):
    """It cannot be done so; `code` is a word to search for, the message says what to do instead."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code
