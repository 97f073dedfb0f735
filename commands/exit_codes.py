"""The exit codes of every command; the help says what each means."""

from __future__ import annotations

DONE, ANSWER_IS_NO, BAD_INPUT, UNDECIDED, FAULT, INTERRUPTED, TERMINATED = 0, 1, 2, 3, 70, 130, 143
