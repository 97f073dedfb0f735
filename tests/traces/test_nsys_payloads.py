"""What NCCL tells of its collectives in NVTX payloads of Nsight Systems: made by the layout that is documented, for no export here has any."""

import re
import sqlite3
import struct
from pathlib import Path

import pytest
from traces.made_nsys import as_parquet, call, export, global_tid, on_gpu

from launchlens.traces.analysis import analyze, as_document
from launchlens.traces.scrub.scrub import scrub
from launchlens.traces.source import open_trace

#: NCCL's domain, and its schemas: of an init, of a collective.
DOMAIN, INIT, COLLECTIVE = 3, 100, 101
COMMUNICATOR, RANKS = 0xABCD, 4
FIELDS = {
    INIT: [(18, "NCCL communicator ID", None), (5, "No. of ranks", 8), (5, "Rank", 12)],
    COLLECTIVE: [(18, "NCCL communicator ID", None), (22, "Message size [bytes]", 8)],
}


def payload(schema: int, *values: int) -> bytes:
    body = struct.pack({INIT: "<Qii", COLLECTIVE: "<QQ"}[schema], *values)
    return struct.pack("<IIIIQQ", DOMAIN, 0, schema, 0, len(body), 32 + len(body)) + body


def exported(path: Path, *, blobs: bool = True, spoilt: bytes | None = None) -> Path:
    """Four ranks' rank 0: it gathers 1 KiB of each, reduces 4 KiB twice, and two more in a group."""
    spans = {
        "ncclCommInitRank": (0, 50), "ncclAllGather": (100, 200), "ncclAllReduce": (300, 400), "ncclAllReduce ": (500, 600),
        "ncclBroadcast": (700, 720), "ncclGroupEnd": (750, 800),
    }  # fmt: skip
    kernels = {
        "ncclDevKernel_AllGather_RING_LL": 110, "ncclDevKernel_AllReduce_Sum_f32_RING_LL": 310,
        "ncclDevKernel_AllReduce_Sum_f32_TREE_LL": 510, "ncclDevKernel_Broadcast_RING_LL": 760,
    }  # fmt: skip
    export(
        path,
        runtime=[call("cudaLaunchKernel_v7000", at, at + 5, number) for number, at in enumerate(kernels.values(), 1)],
        kernel=[
            on_gpu(at + 20, at + 60, number, demangledName=name, shortName=name)
            for number, (name, at) in enumerate(kernels.items(), 1)
        ],
        NVTX_EVENTS=[
            {
                "start": low,
                "end": high,
                "eventType": 59,
                "text": name.strip(),
                "globalTid": global_tid(),
                "domainId": DOMAIN,
            }
            for name, (low, high) in spans.items()
        ],
    )
    told = {
        "ncclCommInitRank": payload(INIT, COMMUNICATOR, RANKS, 0),
        "ncclAllGather": payload(COLLECTIVE, COMMUNICATOR, 1024),
        "ncclAllReduce": payload(COLLECTIVE, COMMUNICATOR, 4096),
        "ncclAllReduce ": payload(COLLECTIVE, COMMUNICATOR, 4096) if spoilt is None else spoilt,
        "ncclBroadcast": payload(COLLECTIVE, COMMUNICATOR, 77),
    }
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE NVTX_PAYLOAD_SCHEMAS (domainId INTEGER, schemaId INTEGER, payloadSize INTEGER)")
        db.execute(
            'CREATE TABLE NVTX_PAYLOAD_SCHEMA_ENTRIES (domainId INTEGER, schemaId INTEGER, idx INTEGER, type INTEGER, name TEXT, "offset" INTEGER)'
        )
        for schema, fields in FIELDS.items():
            db.execute("INSERT INTO NVTX_PAYLOAD_SCHEMAS VALUES (?, ?, 16)", (DOMAIN, schema))
            for at, (kind, name, offset) in enumerate(fields):
                row = (DOMAIN, schema, at, kind, name, offset)
                db.execute("INSERT INTO NVTX_PAYLOAD_SCHEMA_ENTRIES VALUES (?, ?, ?, ?, ?, ?)", row)
        if blobs:
            db.execute("ALTER TABLE NVTX_EVENTS ADD COLUMN binaryData BLOB")
            for name, blob in told.items():
                db.execute("UPDATE NVTX_EVENTS SET binaryData = ? WHERE start = ?", (blob, spans[name][0]))
    db.close()
    return path


def problems(path: Path) -> dict[str, int]:
    return {each.code: each.count for each in as_document(analyze(open_trace(path))).problems}


def test_sizes_are_those_that_nccl_told(tmp_path: Path) -> None:
    frame = (
        analyze(open_trace(exported(tmp_path / "e.sqlite"))).answers(["communication"]).tables["communication"].frame
    )
    rows = {row["name"]: row for row in frame.to_dict("records")}
    # a gather is counted whole, of all four ranks; what was launched at the end of a group is nobody's
    assert (rows["all_gather"]["bytes"], rows["all_gather"]["ranks"]) == (4 * 1024, RANKS)
    assert (rows["all_reduce"]["bytes"], rows["all_reduce"]["count"]) == (2 * 4096, 2)
    assert frame["bytes"].isna()[frame["name"] == "broadcast"].all()
    # 4096 bytes in 40 ns, of which 3/4 twice pass the link of one of four ranks
    assert rows["all_reduce"]["algorithm_gb_s"] == pytest.approx(4096 / 40)
    assert rows["all_reduce"]["bus_gb_s"] == pytest.approx(4096 / 40 * 1.5)
    assert not {"payloads-not-exported", "payload-not-understood"} & set(problems(tmp_path / "e.sqlite"))


def test_an_export_without_payloads_says_so_and_tells_no_size(tmp_path: Path) -> None:
    path = exported(tmp_path / "e.sqlite", blobs=False)
    frame = analyze(open_trace(path)).answers(["communication"]).tables["communication"].frame
    assert frame["bytes"].isna().all() and frame["bus_gb_s"].isna().all()
    assert problems(path)["payloads-not-exported"] == 6


@pytest.mark.parametrize(
    "spoilt",
    [
        b"", b"\0" * 31, b"x" * 48, payload(COLLECTIVE, COMMUNICATOR, 4096)[:-1], payload(COLLECTIVE, COMMUNICATOR, 1 << 63),
        struct.pack("<IIIIQQ", DOMAIN, 0, COLLECTIVE, 0, 1 << 60, 1 << 61),
    ],
    ids=["empty", "short", "text", "cut", "too large", "says that it is longer"],
)  # fmt: skip
def test_a_payload_that_is_none_is_counted(spoilt: bytes, tmp_path: Path) -> None:
    path = exported(tmp_path / "e.sqlite", spoilt=spoilt)
    assert problems(path)["payload-not-understood"] == 1
    told = open_trace(path).details.collectives
    assert told is not None and told["bytes"].tolist() == [1024, 4096, 77]


@pytest.mark.parametrize("stored", ["database", "tables"])
def test_a_scrubbed_copy_keeps_the_sizes_and_no_payload_of_others(stored: str, tmp_path: Path) -> None:
    path = exported(tmp_path / "e.sqlite")
    own, secret = 102, b"ada's password! "
    with sqlite3.connect(path) as db:
        for at, (kind, name) in enumerate([(22, "Message size [bytes]"), (1, "ada's field")]):
            row = (DOMAIN, own, at, kind, name, 8 * at)
            db.execute("INSERT INTO NVTX_PAYLOAD_SCHEMA_ENTRIES VALUES (?, ?, ?, ?, ?, ?)", row)
        blobs = [
            struct.pack("<IIIIQQ", DOMAIN, 0, own, 0, 16, 48) + secret, payload(COLLECTIVE, COMMUNICATOR, 1) + secret,
            struct.pack("<IIIIQQ", 9, 0, COLLECTIVE, 0, 16, 48) + secret, secret * 4,
        ]  # fmt: skip
        for at, blob in enumerate(blobs):
            values = (2000 + at, 2100, 59, "own", global_tid(), DOMAIN, blob)
            db.execute(
                'INSERT INTO NVTX_EVENTS (start, "end", eventType, text, globalTid, domainId, binaryData) VALUES (?, ?, ?, ?, ?, ?, ?)',
                values,
            )
    db.close()
    given = path if stored == "database" else as_parquet(path, tmp_path / "tables")
    copy = tmp_path / "copy"
    scrub(given, copy)
    told = open_trace(copy).details.collectives
    assert told is not None and told["bytes"].tolist() == [1024, 4096, 4096, 77]
    held = b"".join(each.read_bytes() for each in ([copy] if copy.is_file() else sorted(copy.iterdir())))
    assert b"ada" not in held and not re.search(secret.hex().encode(), held)
