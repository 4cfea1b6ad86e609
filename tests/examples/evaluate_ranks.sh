#!/usr/bin/env bash
# open_rs evaluate over processes: evaluate_ranks.sh PROGRAM MODEL [TORCHRUN]
set -euo pipefail
program=$1 model=$2 torchrun=${3:-}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
fail() { echo "FAILED: $1"; exit 1; }
for i in $(seq 1 17); do echo "{\"problem\":\"$((i + 20))+$((2 * i))=\",\"answer\":$((3 * i + 20))}"; done >sums.jsonl
for i in $(seq 1 3); do echo "{\"problem\":\"$((i + 40))+$((2 * i))=\",\"answer\":$((3 * i + 40))}"; done >more.jsonl
evaluate() { "$program" evaluate --json --model "$model" --data sums.jsonl more.jsonl -n 4 --k 1,2,4 --verifier answer-tag --prompt problem --max-tokens 48 "$@"; }

evaluate --out one >one.json 2>log || { cat log; exit 1; }
evaluate --out three --processes 3 >three.json 2>log || { cat log; exit 1; }
cmp one.json three.json || fail "three processes have other results"
cmp one/results.json three/results.json || fail "three processes have other scores"
[ "$(find three -name '*.rank2.jsonl' | wc -l)" = 2 ] || fail "the third process sampled nothing"

# Killed while it samples, with half a line at the end of a file: the next call goes on.
evaluate --out killed --processes 2 >/dev/null 2>log &
pid=$!
while [ "$(cat killed/*.jsonl 2>/dev/null | wc -l)" -lt 5 ] && kill -0 $pid 2>/dev/null; do :; done
kill -KILL $pid 2>/dev/null || true
wait $pid 2>/dev/null || true
sleep 0.5  # its ranks end with it, though not at once
printf '{"id":"0","ind' >>killed/sums.rank0.jsonl
evaluate --out killed >killed.json 2>log || { cat log; exit 1; }
cmp one.json killed.json || fail "a resumed evaluation has other results"

# Shares without a rendezvous, then a call that judges.
for rank in 1 0; do RANK=$rank WORLD_SIZE=2 evaluate --out shares --sample-only >out 2>log || { cat log; exit 1; }; [ ! -s out ] || fail "--sample-only prints"; done
evaluate --out shares >shares.json 2>log || { cat log; exit 1; }
grep -q 'completions' log && fail "the call that judges sampled again"
cmp one.json shares.json || fail "shares have other results"

# A rank that fails ends all, with its line.
code=0
evaluate --out bad --processes 2 --system "$(head -c 20000 /dev/zero | tr '\0' 1)" >/dev/null 2>log || code=$?
[ $code = 2 ] && grep -q 'fewer than the model' log || { cut -c1-300 log; fail "a prompt that is too long: exit code $code"; }

if [ -n "$torchrun" ]; then
  "$torchrun" --no-python --nproc-per-node 2 "$program" evaluate --json --model "$model" --data sums.jsonl more.jsonl -n 4 --k 1,2,4 \
    --verifier answer-tag --prompt problem --max-tokens 48 --out torch >torch.json 2>log || { cat log; exit 1; }
  cmp one.json torch.json || fail "torchrun has other results"
fi

# Two runs, paired.
"$program" evaluate --compare one three --json | grep -q '"difference":0.0' || fail "a run differs from itself"
