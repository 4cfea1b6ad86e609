#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# open_rs train with adapters: a run, its files and trace, a resumed one, and (with peft) what that reads out of them.
#   lora.sh PROGRAM MODEL run | peft PYTHON
set -euo pipefail
program=$1 model=$2 what=$3 python=${4:-}
here=$(dirname "$(realpath "$0")")
. "$here/../support/open_rs_run.sh"

train() {
  "$program" train --model "$model" --data problems.jsonl --threads 1 "${settings[@]}" --set use_peft=true --set lora_r=8 \
    --set lora_alpha=16 --set lora_target_modules=all-linear --set max_steps=4 --set warmup_ratio=0 --set learning_rate=1e-2 \
    "$@" >out 2>log || { cat log; fail "train $*"; }
}

train --out whole --trace trace.json
for file in final/model.safetensors final/config.json final-adapter/adapter_model.safetensors final-adapter/adapter_config.json \
  checkpoint-4/adapter_model.safetensors checkpoint-4/adapter_config.json; do
  [ -s "whole/$file" ] || fail "$file is missing"
done
[ "$(stat -c %s whole/checkpoint-4/adapter_model.safetensors)" -lt "$(stat -c %s "$model/model.safetensors")" ] ||
  fail "a checkpoint of adapters is as large as the model's"
cmp whole/final-adapter/adapter_model.safetensors whole/checkpoint-4/adapter_model.safetensors || fail "two adapters"
grep -q '"name":"micro-batch"' trace.json || fail "the trace has no micro-batch"
for metric in tokens_per_second update_mfu update_peak_bytes gather_bandwidth; do
  grep -q "\"timing/$metric\":[0-9.e+-]*[1-9]" whole/metrics.jsonl || fail "no timing/$metric"
done

train --out part --steps 2
train --out part --resume auto
cmp whole/final-adapter/adapter_model.safetensors part/final-adapter/adapter_model.safetensors ||
  fail "a resumed run ends with other adapters"

if "$program" train --model "$model" --data problems.jsonl --set lora_r=8 >out 2>log; then fail "lora_r alone is ignored"; fi
grep -q use_peft log || fail "the error does not name use_peft: $(cat log)"

if [ "$what" = peft ]; then
  "$python" "$here/../oracle/peft_adapter.py" check "$model" whole/final-adapter whole/final 2>log || { cat log; fail peft; }
  "$python" "$here/../oracle/peft_adapter.py" check "$model" whole/checkpoint-4 whole/final 2>log || { cat log; fail peft; }
fi
echo "passed"
