# SPDX-License-Identifier: Apache-2.0
"""Prints the bytes that tests/metrics/tensorboard.cpp expects, and checks a folder of event files.

Run: python tests/oracle/tensorboard_events.py            prints the hexadecimal constants
     python tests/oracle/tensorboard_events.py FOLDER     prints what TensorBoard's own loader reads from Grove's files
(needs tensorboard; no network)
"""

import io
import sys

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

if len(sys.argv) == 2:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(sys.argv[1], purge_orphaned_data=True)
    accumulator.Reload()
    for tag in accumulator.Tags()["scalars"]:
        print(tag, [(event.step, event.value) for event in accumulator.Scalars(tag)])
    sys.exit()

version = Event(wall_time=1.5, file_version="brain.Event:2")
values = [Summary.Value(tag="loss", simple_value=0.5), Summary.Value(tag="rewards/é", simple_value=-2.25)]
scalars = Event(wall_time=1.5, step=300, summary=Summary(value=values))
restart = Event(wall_time=1.5, step=7, session_log=SessionLog(status=SessionLog.START))
for event in (version, scalars, restart):
    print(event.SerializeToString(deterministic=True).hex())
stream = io.BytesIO()
stream.close = lambda: None
RecordWriter(stream).write(restart.SerializeToString())
print("record", stream.getvalue().hex())
