#!/usr/bin/env bash
# The arithmetic example as a user runs it: arithmetic.sh PROGRAM learns|replay|constant|shuffled|negated|faults
set -euo pipefail
program=$1 what=$2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

run() { "$program" --out "$folder/run" "$@" 2>"$folder/log" >"$folder/table" || { cat "$folder/log"; exit 1; }; }
tenths() { sed -n "s/^  $1 *\([0-9]*\)\.\([0-9]\) %/\1\2/p" "$folder/table"; }
check() { echo "before $(tenths before), after $(tenths after) (tenths of a percent): $1"; [ "$(($2))" -eq 1 ]; }

case $what in
  learns)  # far enough from the start to be no accident
    run --seed 0 --stop-at 60
    check "at least 60 %" "$(tenths before) < 400 && $(tenths after) >= 600" ;;
  replay)  # repeats the recorded run, whose reward has a weight of 0
    run --steps 2 --problems 4 --group 4 --record "$folder/record"
    mv "$folder/run" "$folder/first"
    run --steps 2 --problems 4 --group 4 --replay "$folder/record"
    cmp "$folder/first/final/model.safetensors" "$folder/run/final/model.safetensors" ;;
  constant)
    run --control constant --steps 20
    cmp "$folder/run/start/model.safetensors" "$folder/run/final/model.safetensors" ;;
  shuffled)
    run --control shuffled --steps 200
    check "no more than 3 points up" "$(tenths after) <= $(tenths before) + 30" ;;
  faults)
    # refused SENTENCE ARGUMENTS...: exit code 2 and one line that says why; nothing is trained.
    refused() {
      local sentence=$1 code=0
      shift
      "$program" --out "$folder/run" "$@" >"$folder/table" 2>"$folder/log" || code=$?
      [ "$code" -eq 2 ] && [ "$(wc -l <"$folder/log")" -eq 1 ] && grep -qF -- "$sentence" "$folder/log" && [ ! -e "$folder/run" ] ||
        { echo "$*: exit code $code, expected 2 with '$sentence'; it said:"; cat "$folder/log"; exit 1; }
    }
    refused "did you mean grpo?" --algorithm GRPO++
    refused "option seed: does nothing in gspo" --algorithm gspo --set seed=3
    refused "option reward_weights: does nothing in gspo" --algorithm gspo --set reward_weights=1,2
    refused "option lambda: is 1.5; expected between 0 and 1" --algorithm ppo --set lambda=1.5
    refused "greater than clip_cov_lb, which is 9" --algorithm clip_cov --set clip_cov_lb=9
    refused "greater than 1 + epsilon, which is 1.2" --algorithm trl --set delta=1.1
    refused "vllm_importance_sampling_clip_min, which is 4" --algorithm trl --set vllm_importance_sampling_clip_min=4
    refused "option k: is 9; expected between 1 and num_generations, 8" --algorithm pass_at_k --set k=9
    refused "at least 2" --algorithm gspo --group 1 ;;
  negated)
    run --control negated --steps 200
    check "at least 10 points down" "$(tenths after) <= $(tenths before) - 100" ;;
esac
