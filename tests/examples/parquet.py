# SPDX-License-Identifier: Apache-2.0
"""Parquet between open_rs and pyarrow: parquet.py PROGRAM. With the package `datasets`, that reads it as well."""
import datetime
import json
import os
import subprocess
import sys
import tempfile

import pyarrow as pa
import pyarrow.parquet as parquet

program = sys.argv[1]


def check(holds, what):
    if not holds:
        sys.exit("FAILED: " + what)


def curate(folder, data, *more):
    words = [program, "curate", "--data", *data, "--stages", "boxed", "--out", folder, *more]
    run = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    return run.returncode, run.stderr


messages = pa.list_(pa.struct([("role", pa.string()), ("content", pa.large_string())]))
table = pa.table(
    {
        "problem": pa.array(["p\u00e9 \u4e2d", "q", "r"], pa.large_string()),
        "solution": pa.array(["\\boxed{1}", "\\boxed{2}", None], pa.string_view()),
        "answer": pa.array([1, 2, 3], pa.int32()),
        "score": pa.array([0.5, None, 1.25], pa.float32()),
        "small": pa.array([1, -2, 3], pa.int8()),
        "big": pa.array([2**63, 1, 2], pa.uint64()),
        "ok": pa.array([True, False, None]),
        "source": pa.array(["a", "b", "a"]).dictionary_encode(),
        "day": pa.array([datetime.date(2025, 3, 20), None, None]),
        "tags": pa.array([["x"], [], None], pa.list_(pa.string())),
        "pair": pa.array([[1.5, 2.5], [3.5, 4.5], [5.5, 6.5]], pa.list_(pa.float64(), 2)),
        "notes": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int64())),
        "messages": pa.array([[{"role": "user", "content": "p"}]] * 3, messages),
        "image": pa.array([b"\xff\x00", b"", b"x"]),
    }
)
wanted = {
    "problem": "p\u00e9 \u4e2d", "solution": "\\boxed{1}", "answer": 1, "score": 0.5, "small": 1, "big": 2**63, "ok": True, "source": "a",
    "day": "2025-03-20", "tags": ["x"], "pair": [1.5, 2.5], "notes": [{"key": "k", "value": 1}],
    "messages": [{"role": "user", "content": "p"}], "id": 0,
}  # fmt: skip

with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    # Every codec of the hub, page versions, several row groups.
    for codec in ("snappy", "zstd", "gzip", "none"):
        for version in ("1.0", "2.0"):
            parquet.write_table(table, "data.parquet", compression=codec, data_page_version=version, row_group_size=2)
            code, error = curate("out", ["data.parquet"])
            check(code == 0, error)
            with open("out/data.jsonl") as lines:
                rows = [json.loads(line) for line in lines]
            check(len(rows) == 2, f"{len(rows)} rows have a box")
            check(rows[0] == wanted, f"{codec}, pages {version}: {rows[0]}")
            check(rows[1]["score"] is None and rows[1]["small"] == -2 and rows[1]["tags"] == [], f"{rows[1]}")
    # What open_rs wrote.
    back = parquet.read_table("out/data.parquet")
    check(back.num_rows == 2 and back.schema.field("answer").type == pa.int64(), str(back.schema))
    check(back.schema.field("messages").type.value_type.get_field_index("content") >= 0, str(back.schema))
    check(back.to_pylist()[0]["messages"] == wanted["messages"], str(back.to_pylist()[0]))
    try:
        import datasets
    except ImportError:
        print("the package datasets is not here: its reader was not tried")
    else:
        rows = datasets.load_dataset("parquet", data_files="out/data.parquet", cache_dir="cache")["train"]
        check(rows[0]["messages"] == wanted["messages"] and rows[1]["answer"] == 2, str(rows[0]))
    # Shards as the hub's tool leaves them, and nothing left.
    os.makedirs("hub/data")
    for shard in range(3):
        parquet.write_table(table.slice(shard, 1), f"hub/data/train-{shard:05}-of-00003.parquet")
    code, error = curate("shards", ["hub"])
    check(code == 0 and parquet.read_table("shards/data.parquet").num_rows == 2, error)
    code, error = curate("none", ["hub"], "--set", "boxed.column=source")
    check(code == 0 and parquet.read_table("none/data.parquet").num_rows == 0, error)
    os.remove("hub/data/train-00001-of-00003.parquet")
    code, error = curate("missing", ["hub"])
    check(code == 2 and "holds 2 of the 3 shards of train" in error and error.count("\n") == 1, error)
    with open("data.parquet", "rb") as file:
        whole = file.read()
    with open("cut.parquet", "wb") as file:
        file.write(whole[:-9])
    code, error = curate("cut", ["cut.parquet"])
    check(code == 2 and "cut.parquet: cannot be read as Parquet" in error and error.count("\n") == 1, error)
print("ok")
