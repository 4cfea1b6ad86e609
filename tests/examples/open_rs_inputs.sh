#!/usr/bin/env bash
# What open_rs train refuses: one line that says what and how to mend it, exit code 2, before anything is sampled.
# open_rs_inputs.sh PROGRAM MODEL
set -euo pipefail
program=$1 model=$2
. "$(dirname "$(realpath "$0")")/../support/open_rs_run.sh"

# refuses NAME MESSAGE OPTIONS...; the data is problems.jsonl unless `data` says otherwise, the model `from`.
refuses() {
  local name=$1 message=$2 code=0
  shift 2
  "$program" train --model "${from:-$model}" --data "${data:-problems.jsonl}" "$@" --out run >out 2>log || code=$?
  [ $code = 2 ] || { cat log; fail "$name: exit code $code"; }
  grep -Eq -- "$message" log || { cat log; fail "$name: message"; }
  [ "$(grep -c '' log)" = 1 ] || { cat log; fail "$name: more than a line"; }
  [ ! -e run ] || fail "$name: a run folder is left"
}
tiny=(--recipe exp3_tiny)

echo '{"text":"1+1=","answer":"2"}' >column.jsonl
data=column.jsonl refuses "missing column" 'column.jsonl:1: has no problem; its columns are: .*text.*name another column with data.problem' "${tiny[@]}"
for i in $(seq 1 24); do echo "{\"problem\":\"$i+1=\",\"solution\":\"aops_forum\",\"value\":\"\$$i\$\"}"; done >label.jsonl
data=label.jsonl refuses "a label for gold" "each of the 24 gold answers is 'aops_forum'; expected answers; name the column" "${tiny[@]}"
for i in $(seq 1 24); do echo "{\"problem\":\"$i+1=\",\"solution\":\"https://example.org/$i\"}"; done >url.jsonl
data=url.jsonl refuses "addresses for gold" '24 of the 24 gold answers are web addresses, such as "https://example.org/1"; expected answers' "${tiny[@]}"
from=no/such refuses "no model" "there is no folder 'no/such'; expected a model folder.*hf download" "${tiny[@]}"
for i in $(seq 1 24); do echo "{\"problem\":\"$i+1=\",\"solution\":\"Count the apples in basket $i.\",\"value\":\"\$$i\$\"}"; done >prose.jsonl
data=prose.jsonl refuses "prose for gold" 'self-test: 24 of 24 gold answers fail against themselves.*choose the column of the gold answer' "${tiny[@]}" --set verifier=compatible-open-rs
refuses "no such column" 'has no column "truth".*the line has' "${tiny[@]}" --set data.gold=truth
head -5 problems.jsonl >five.jsonl
data=five.jsonl refuses "fewer problems than a batch" 'five.jsonl: 5 problems; expected at least the 12 prompts of one step; set a smaller batch' "${tiny[@]}"
mkdir bare
cp "$model"/{config.json,model.safetensors,tokenizer.json} bare
echo '{"eos_token":"<|end|>"}' >bare/tokenizer_config.json
from=bare refuses "no chat template" 'has no chat template; expected chat_template.jinja' "${tiny[@]}"
refuses "unknown key" "there is no key 'betta'; did you mean 'beta'" "${tiny[@]}" --set betta=0.1
printf 'num_generation = 6\n' >own.ini
refuses "unknown key of a file" "own.ini:1: there is no key 'num_generation'; did you mean 'num_generations'" --recipe own.ini
refuses "unknown recipe" "there is no recipe 'exp4'; expected .*exp3" --recipe exp4
refuses "unknown reward" "there is no reward 'acuracy'" "${tiny[@]}" --set reward_funcs=acuracy --set reward_weights=1
refuses "wrong number of ranks" 'rank_micro_batch on 2 training processes; expected 3' "${tiny[@]}" --set loss_scope=rank_micro_batch --processes 2
refuses "one rank for three" 'gradient_accumulation_steps=12 for the same micro-batches on one' "${tiny[@]}" --set loss_scope=rank_micro_batch
refuses "a token budget" 'tokens_per_micro_batch is 100 with loss_scope = rank_micro_batch' "${tiny[@]}" --set loss_scope=rank_micro_batch --set tokens_per_micro_batch=100
for recipe in exp1_as_run exp2_as_run exp3_as_run; do  # one samples for three that train
  refuses "$recipe on three" 'rank_micro_batch on 2 training processes; expected 3, its num_processes' --recipe $recipe --processes 3
  refuses "$recipe on five" 'rank_micro_batch on 4 training processes; expected 3, its num_processes' --recipe $recipe --processes 5
  refuses "$recipe on one" 'placement: split:1 of 1 rank leaves none to train' --recipe $recipe
  refuses "$recipe by tokens" 'tokens_per_micro_batch is 100 with loss_scope = rank_micro_batch' --recipe $recipe --processes 4 \
    --set tokens_per_micro_batch=100
done
refuses "a loss of another algorithm" 'loss_scope and logprob_rounding do nothing in gspo' "${tiny[@]}" --set logprob_rounding=bf16 --algorithm gspo
refuses "no second BOS" "the model's tokenizer adds none to a text" "${tiny[@]}" --set rollout_bos=twice
refuses "a prompt that is too long" 'a prompt of [0-9]+ tokens; expected at most 4' "${tiny[@]}" --set max_prompt_length=4 --set prompt_over_limit=error
echo '{"problem":"1+1=","answer":2}' >sums.jsonl
refuses "a test set that does not fit" 'sums.jsonl, problem 0: a prompt of [0-9]+ tokens; expected fewer than the model.s context of 256' "${tiny[@]}" \
  --eval-data sums.jsonl --eval-every 2 --set eval_prompt=open-rs

# Two ranks with different recipes.
code=0
RANK=0 WORLD_SIZE=2 MASTER_PORT=29417 "$program" train --model "$model" --data problems.jsonl "${tiny[@]}" --out run --deadline 30 2>log0 >out &
pid=$!
RANK=1 WORLD_SIZE=2 MASTER_PORT=29417 "$program" train --model "$model" --data problems.jsonl --recipe exp2_tiny --out run --deadline 30 2>log1 >out1 && fail "rank 1 went on" || code=$?
[ $code = 2 ] || { cat log1; fail "exit code $code of rank 1"; }
wait $pid && fail "rank 0 went on" || code=$?
[ $code = 2 ] || { cat log0; fail "exit code $code of rank 0"; }
grep -q 'rank 1: has .*; expected .*, as rank 0; start all ranks with the same options and files' log1 || { cat log1; fail "different recipes"; }
