"""Codes of the probe `stream-synchronize`. Host times are of something done to streams, `under` what is in flight on them."""

from __future__ import annotations

from typing import Final

ID: Final = "stream-synchronize"

HOST_TIME: Final = "host-time"
#: Waiting for seven streams over waiting for the device, round by round.
RATIO: Final = "ratio"
#: Streams that still copy when the host begins to wait, and different streams that torch gave when it was asked for many.
STILL_COPYING: Final = "streams-still-copying"
DISTINCT: Final = "distinct-streams"
FIGURES: Final = frozenset({HOST_TIME, RATIO, STILL_COPYING, DISTINCT})

#: What is done: to seven streams, to the device, or to one stream.
CREATE, DESTROY, SUBMIT = "create-streams", "destroy-streams", "submit-copies"
SYNCHRONIZE, SYNCHRONIZE_DEVICE = "synchronize-streams", "synchronize-device"
SYNCHRONIZE_ONE: Final = "synchronize-one-stream"
#: By whom streams are made, and what is in flight when they are waited for: the copies, nothing after they ended, nothing
#: since the last wait, or one large copy.
BY_TORCH, BY_CUDA = "torch", "cuda"
IN_FLIGHT, ENDED, IDLE, LARGE = "in-flight", "ended", "idle", "large-copy"

#: Verdicts; that neither is shown to cost less is `NO_DIFFERENCE` of verdicts.py.
DEVICE_COSTS_LESS: Final = "one-synchronize-costs-less"
STREAMS_COST_LESS: Final = "seven-synchronizes-cost-less"
