#!/usr/bin/env bash
# Recipes as they ran: open_rs_as_run.sh PROGRAM MODEL ranks | f32 PYTHON | bf16 PYTHON | split PYTHON
# ranks holds three processes to one with the same micro-batches. f32 and bf16 hold 20 steps of exp3_as_run on a tiny random model to
# the formulas of the original's trainer (tests/oracle/open_rs_as_run.py), split those of four processes, one of which samples for the
# three that train; without torch and transformers they are skipped.
set -euo pipefail
program=$1 model=$2 what=$3 python=${4:-}
oracle=$(dirname "$(realpath "$0")")/../oracle/open_rs_as_run.py
. "$(dirname "$(realpath "$0")")/../support/open_rs_run.sh"

train() {
  "$program" train --data problems.jsonl --recipe exp3_as_run --threads 1 --set placement=colocated --set max_completion_length=40 \
    --set cosine_max_len=60 --set learning_rate=1e-3 --set max_steps=20 --set self_test=off "$@" >out 2>log || { cat log; exit 1; }
}
one=(--set num_processes=1 --set gradient_accumulation_steps=12)
column() { sed -E "s/.*\"$2\":([^,}]*).*/\1/" "$1/metrics.jsonl"; }

case $what in
  f32 | bf16 | split)
    [ -n "$python" ] && "$python" -c 'import torch, transformers, tokenizers' 2>/dev/null ||
      { echo "skipped: no Python with torch, transformers and tokenizers"; exit 77; }
    "$python" "$oracle" make "$folder" 2>/dev/null
    placement=("${one[@]}" --set "logprob_rounding=$what")
    [ "$what" != split ] || placement=(--processes 4 --placement split:1 --deadline 60 --set logprob_rounding=f32)
    train --model model "${placement[@]}" --set system_prompt=Think. --set max_prompt_length=24 \
      --set save_steps=1 --set save_total_limit=0 --out run --record record
    case $what in
      bf16) set -- --bf16 ;;
      split) set -- --ranks 3 ;;
      f32) set -- ;;
    esac
    "$python" "$oracle" check "$folder" "$@" ;;
  ranks)
    # The model's tokenizer knows no BOS.
    few=(--model "$model" --set rollout_bos=once --set logprob_rounding=f32 --set system_prompt= --steps 4)
    train "${few[@]}" "${one[@]}" --out one
    train "${few[@]}" --processes 3 --deadline 60 --out three
    for name in reward loss kl_loss grad_norm learning_rate; do
      [ "$(column three $name | grep -c .)" = 4 ] || fail "$name is not there"
      paste <(column one $name) <(column three $name) |
        awk '{ d = $1 - $2; d = d < 0 ? -d : d; m = $1 < 0 ? -$1 : $1; if (d > 1e-5 * (m > 1e-3 ? m : 1e-3)) exit 1 }' ||
        { paste <(column one $name) <(column three $name); fail "$name differs"; }
    done ;;
esac
