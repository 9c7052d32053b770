"""What can keep the system from starting, in words for the person who started it."""


class StartError(Exception):
    """Starting failed; the message says why and what to do."""


class AlreadyRunningError(StartError):
    """Another process holds the data folder."""


class StoppedError(Exception):
    """The person asked to stop while the system was still starting."""
