"""What a write or an open can meet."""


class StoreUnavailableError(Exception):
    """Nothing was written, because the file is locked, full, unreadable or closed, or too many writes wait for it.

    The same write may succeed later.
    """


class StoreVersionError(Exception):
    """The file's schema is not one that this version of the router knows."""


class StaleWriteError(Exception):
    """The row is not in the state that the writer took it to be in; nothing was written."""


class DeletedJobError(Exception):
    """The job was deleted before it had ended, so that nothing more is bought for it; nothing was written."""


class RemoteIdTakenError(Exception):
    """Another attempt has this upstream job already, so that it cannot be this one's, too; nothing was written."""


class RefusedWriteError(Exception):
    """A constraint of the schema forbids the write: a defect of the router, never of a caller. Nothing was written."""
