"""How an input is changed: in its structure, by what its kind is made of, and in its bytes.

Every mutator takes a file and a seeded generator and changes the file in place.
"""

import gzip
import json
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

#: Numbers at the edges of what fits somewhere, and beyond.
NUMBERS = (
    *(0, -1, 1, 2**31 - 1, 2**31, 2**32, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**64, 10**30),
    *(0.5, -0.0, 1e-9, 1e15, 1e300, -1e300),
)
TEXTS = (
    *("", " ", "\x1b]0;title\x07", "\x9b2J", "\u202ename\u2066", "\u2028", "\x00", "\ud800", "a" * 5000, "é" * 50),
    *("</script><script>alert(1)</script>", "=1+1", "../../x", "/home/somebody/x", "-1", "NaN", "1e400"),
    *("cudaLaunchKernel", "cudaMemcpyAsync", "cudaGraphLaunch", "cudaDeviceSynchronize", "ProfilerStep#3", "nccl:all"),
    *("kernel", "gpu_memcpy", "cuda_runtime", "cpu_op", "user_annotation", "python_function", "Memcpy DtoD"),
)
Random = random.Random


def value(rng: Random) -> Any:
    """Anything that a field might hold."""
    kind = rng.randrange(8)
    if kind < 3:
        return rng.choice(NUMBERS)
    if kind < 6:
        return rng.choice(TEXTS)
    return rng.choice((None, True, False, [], {}, [1, [2]], {"a": {"b": 1}}, float("nan"), float("inf")))


def near(number: Any, rng: Random) -> Any:
    """A number not far from another: what a clock or a counter might do."""
    try:
        return number + rng.choice((-1000, -1, -0.001, 0.001, 1, 1000, 10**6, -(10**6)))
    except (TypeError, OverflowError):
        return value(rng)


def changed(document: Any, rng: Random) -> Any:
    """A document with one place changed: a value, a key, an element more, fewer, or elsewhere."""
    places: list[tuple[Any, Any]] = []
    seen: list[Any] = [document]
    while seen:
        at = seen.pop()
        keys = list(at) if isinstance(at, dict) else range(len(at)) if isinstance(at, list) else ()
        for key in keys:
            places.append((at, key))
            seen.append(at[key])
    if not places:
        return value(rng)
    at, key = rng.choice(places)
    what = rng.randrange(8)
    if what < 2:
        at[key] = value(rng)
    elif what < 4:
        at[key] = near(at[key], rng)
    elif what == 4:
        del at[key]
    elif what == 5:
        other, place = rng.choice(places)
        try:
            at[key] = json.loads(json.dumps(other[place]))  # a copy: nothing holds itself
        except (KeyError, IndexError):
            at[key] = None
    elif isinstance(at, list):
        at.insert(key, json.loads(json.dumps(at[key])))
    else:
        at[rng.choice(TEXTS)] = at.pop(key)
    return document


def spoiled(raw: bytes, rng: Random) -> bytes:
    """Bytes with some of them changed, missing, twice, or with an end that is missing."""
    if not raw:
        return bytes(rng.randrange(256) for _ in range(rng.randrange(64)))
    at = rng.randrange(len(raw))
    long = min(rng.choice((1, 1, 2, 8, 64)), len(raw) - at)
    what = rng.randrange(5)
    if what == 0:
        return raw[:at]
    if what == 1:
        return raw[:at] + raw[at + long :]
    if what == 2:
        return raw[: at + long] + raw[at:]
    if what == 3:
        return raw[:at] + bytes(rng.randrange(256) for _ in range(long)) + raw[at + long :]
    return raw[:at] + rng.choice((b'"', b"\\", b"{", b"}", b"[", b"]", b",", b"\x00", b"\xff", b"\n")) + raw[at:]


def json_file(path: Path, rng: Random) -> None:
    """A JSON file, packed or not: mostly its document, now and then its bytes."""
    raw = path.read_bytes()
    packed = raw[:2] == b"\x1f\x8b"
    text = gzip.decompress(raw) if packed else raw
    if rng.random() < 0.75:
        document = json.loads(text)
        for _ in range(rng.choice((1, 1, 2, 5))):
            document = changed(document, rng)
        text = json.dumps(document).encode("utf-8", "surrogatepass")
    else:
        text = spoiled(text, rng)
    raw = gzip.compress(text, 1, mtime=0) if packed or rng.random() < 0.05 else text
    path.write_bytes(spoiled(raw, rng) if packed and rng.random() < 0.1 else raw)


def sqlite_file(path: Path, rng: Random) -> None:
    """A database: cells, columns, tables and rows, or its bytes."""
    if rng.random() < 0.15:
        path.write_bytes(spoiled(path.read_bytes(), rng))
        return
    db = sqlite3.connect(path)
    try:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for _ in range(rng.choice((1, 1, 2, 5))):
            table = rng.choice(tables)
            columns = [row[1] for row in db.execute(f'PRAGMA table_info("{table}")')]
            column = rng.choice(columns)
            (count,) = db.execute(f'SELECT count(*) FROM "{table}"').fetchone()
            row = rng.randrange(count) if count else 0
            what = rng.randrange(10)
            if what < 4:
                _set(db, table, column, row, value(rng))
            elif what < 6:
                old = db.execute(f'SELECT "{column}" FROM "{table}" LIMIT 1 OFFSET ?', (row,)).fetchone()
                _set(db, table, column, row, near(old[0] if old else 0, rng))
            elif what == 6:
                db.execute(
                    f'DELETE FROM "{table}" WHERE rowid = (SELECT rowid FROM "{table}" LIMIT 1 OFFSET ?)', (row,)
                )
            elif what == 7:
                db.execute(f'INSERT INTO "{table}" SELECT * FROM "{table}" LIMIT 1 OFFSET ?', (row,))
            elif what == 8:
                db.execute(f'ALTER TABLE "{table}" RENAME COLUMN "{column}" TO "{column}x"')
            else:
                db.execute(f'ALTER TABLE "{table}" RENAME TO "{table}x"')
                tables.remove(table)
            if not tables:
                break
    except sqlite3.Error:
        pass  # a key twice, say: the database stays as it was
    finally:
        db.commit()
        db.close()


def _set(db: sqlite3.Connection, table: str, column: str, row: int, new: Any) -> None:
    try:
        stored: Any = new if isinstance(new, int | float | str | None) else json.dumps(new)
        if isinstance(stored, str) and rng_bytes(stored):
            stored = stored.encode("utf-8", "surrogatepass")
        db.execute(
            f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = (SELECT rowid FROM "{table}" LIMIT 1 OFFSET ?)',
            (stored, row),
        )
    except (OverflowError, UnicodeEncodeError):
        pass  # sqlite holds no such number


def rng_bytes(text: str) -> bool:
    """Whether a text has to be stored as bytes: it is no UTF-8."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def parquet_file(path: Path, rng: Random) -> None:
    """A table: cells, types, columns, rows, what it says of itself, or its bytes."""
    if rng.random() < 0.2:
        path.write_bytes(spoiled(path.read_bytes(), rng))
        return
    table = pq.read_table(path)
    for _ in range(rng.choice((1, 1, 2, 4))):
        if not table.num_columns:
            break
        at = rng.randrange(table.num_columns)
        name = table.column_names[at]
        column = table.column(at).combine_chunks()
        what = rng.randrange(9)
        if what < 3 and len(column):
            values = column.to_pylist()
            place = rng.randrange(len(values))
            values[place] = value(rng) if rng.random() < 0.5 else near(values[place], rng)
            plain = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
            try:
                table = table.set_column(at, name, pa.array(values, plain))
            except (pa.ArrowException, TypeError, ValueError, OverflowError):
                continue
        elif what == 3:
            kind = rng.choice((pa.int8(), pa.int32(), pa.float64(), pa.string(), pa.binary(), pa.bool_(), pa.uint64()))
            try:
                table = table.set_column(at, name, column.cast(kind))
            except (pa.ArrowException, TypeError):
                continue
        elif what == 4:
            table = table.drop_columns([name])
        elif what == 5:
            table = table.rename_columns([f"{each}x" if each == name else each for each in table.column_names])
        elif what == 6:
            table = table.set_column(at, name, pa.nulls(len(column), column.type))
        elif what == 7 and len(table):
            table = pa.concat_tables([table, table.slice(rng.randrange(len(table)), 1)])
        else:
            said = dict(table.schema.metadata or {})
            key = rng.choice(sorted(said)) if said else b"format"
            said[key] = spoiled(said.get(key, b""), rng)
            table = table.replace_schema_metadata(said)
    try:
        pq.write_table(table, path)
    except (pa.ArrowException, TypeError):
        pass  # no such table can be written: the input stays as it was


MUTATORS: dict[str, Callable[[Path, Random], None]] = {
    ".json": json_file,
    ".gz": json_file,
    ".sqlite": sqlite_file,
    ".parquet": parquet_file,
}


def mutate(path: Path, rng: Random) -> None:
    """Change a file, or one or two of the files of a folder."""
    if path.is_dir():
        files = sorted(each for each in path.rglob("*") if each.suffix in MUTATORS)
        for each in rng.sample(files, min(rng.choice((1, 1, 2)), len(files))):
            if rng.random() < 0.03:
                each.unlink()
            else:
                MUTATORS[each.suffix](each, rng)
        return
    MUTATORS[path.suffix](path, rng)
