"""`_reader`: a process that reads traces for `analyze` of many; not for people."""

from __future__ import annotations


def command() -> None:
    """Read traces for another process, which asks through stdin; not for people."""
    import signal

    from launchlens.traces.fleet.work.reader_process import main

    # who started it ends it; Ctrl-C in the terminal is for that one
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    main()
