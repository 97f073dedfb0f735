"""A clock for tests of timing."""


class Clock:
    """A clock that moves only when somebody works."""

    def __init__(self):
        self.now = 0

    def __call__(self):
        return self.now

    def work(self, ns):
        """An iteration that takes so long."""

        def iteration():
            self.now += ns

        return iteration
