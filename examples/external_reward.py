# SPDX-License-Identifier: Apache-2.0
"""A reward in another language: grove::ExternalReward({.command = {"python3", "external_reward.py"}}).

One request a line comes in, one reply a line goes out; null declines. What is printed for people goes to stderr.
"""
import json
import sys


def score(problem, completion):
    """1 where the last word of the completion is the gold answer."""
    if not problem["gold"]:
        return None
    words = completion["text"].split()
    return float(bool(words) and words[-1].rstrip(".") == problem["gold"])


for line in sys.stdin:
    request = json.loads(line)
    print(json.dumps({"score": score(request["problem"], request["completion"])}), flush=True)
