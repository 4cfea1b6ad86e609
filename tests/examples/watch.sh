#!/usr/bin/env bash
# Evaluation while training, guards and curricula of open_rs train: watch.sh PROGRAM MODEL evaluation | stops | curriculum
set -euo pipefail
program=$1 model=$2 what=$3
. "$(dirname "$(realpath "$0")")/../support/open_rs_run.sh"

for i in $(seq 1 10); do echo "{\"problem\":\"$((i + 20))+$((2 * i))=\",\"answer\":$((3 * i + 20))}"; done >test.jsonl
head -4 test.jsonl >few.jsonl
steps=6
train() {
  local out=$1
  shift
  "$program" train --model "$model" --data problems.jsonl --out "$out" --steps "${until:-$steps}" --algorithm grpo_token_mean "${settings[@]}" \
    --set max_steps=$steps --set eval_prompt=problem --set eval_verifier=answer-tag --set eval_n=2 "$@"
}
# metrics.jsonl without what a clock says, and without evaluations
training_metrics() { grep -v '"step":0,' "$1/metrics.jsonl" | sed -E 's/"(timing[^"]*|step_time|eval\/[^"]*)":[^,}]*(,|(\}))/\3/g; s/,\}/}/'; }
value() { sed -n -E "s#.*\"step\":$2,.*\"$3\":([^,}]*).*#\1#p" "$1/metrics.jsonl"; }

case $what in
  evaluation)
    train plain 2>log || { cat log; exit 1; }
    train watched --eval-data test.jsonl few.jsonl --eval-every 2 --eval-before 2>log || { cat log; exit 1; }
    cmp plain/final/model.safetensors watched/final/model.safetensors || fail "evaluating changed the weights"
    cmp plain/completions.jsonl watched/completions.jsonl || fail "evaluating changed the completions"
    cmp <(training_metrics plain) <(training_metrics watched) || fail "evaluating changed the metrics"
    [ "$(grep -c '"eval/test/pass@1"' watched/metrics.jsonl)" = 4 ] || fail "evaluations at steps 0, 2, 4, 6"
    # The same numbers as open_rs evaluate has for that checkpoint.
    "$program" evaluate --json --model watched/final --data test.jsonl -n 2 --verifier answer-tag --prompt problem --seed 42 --max-tokens 48 \
      --out evaluated 2>/dev/null >evaluated.json
    pass=$(sed -E 's/.*"pass@1":([^,]*),.*/\1/' evaluated.json)
    grep '"step":6,' watched/metrics.jsonl | grep -q "\"eval/test/pass@1\":$pass[,}]" || { cat evaluated.json; fail "evaluate has other numbers"; }
    # Of several completions also pass@k and maj@n, on one rank and on two; all of evaluate's numbers.
    for n in 5 8; do
      until=1 train several --eval-data test.jsonl --eval-before --set eval_n=$n --set eval_temperature=1 2>log || { cat log; exit 1; }
      until=1 train ranks --eval-data test.jsonl --eval-before --set eval_n=$n --set eval_temperature=1 --processes 2 2>log || { cat log; exit 1; }
      "$program" evaluate --json --model "$model" --data test.jsonl -n $n --verifier answer-tag --prompt problem --seed 42 --max-tokens 48 \
        --temperature 1 --out "evaluated_$n" 2>/dev/null >evaluated.json
      names="pass@1 se pass@4 maj@n mean_length truncated"
      [ $n = 5 ] && [ -z "$(value several 0 'eval/test/pass@8')" ] || names="$names pass@8"
      for name in $names; do
        key=${name#pass@[48]}
        key=${key:-${name#pass@}}
        expected=$(sed -E "s/,\"strict\":.*//; s/.*[{,]\"$key\":([^,}]*).*/\1/" evaluated.json)
        for run in several ranks; do
          echo "$(value $run 0 "eval/test/$name") $expected" | awk 'NF != 2 || ($1 - $2) ^ 2 > 1e-24 * $2 ^ 2 { exit 1 }' ||
            { cat evaluated.json; fail "$name of $n completions: $(value $run 0 "eval/test/$name") in the run $run, evaluate has $expected"; }
        done
      done
      rm -rf several ranks
    done
    # Killed and resumed, and with two ranks: the same evaluations.
    until=3 train killed --eval-data test.jsonl few.jsonl --eval-every 2 --eval-before 2>log || { cat log; exit 1; }
    train killed --eval-data test.jsonl few.jsonl --eval-every 2 --eval-before --resume auto 2>log || { cat log; exit 1; }
    cmp <(grep -o '"eval/.*' watched/metrics.jsonl) <(grep -o '"eval/.*' killed/metrics.jsonl) || fail "a resumed run evaluates otherwise"
    [ "$(grep -c '"step":0,' killed/metrics.jsonl)" = 1 ] || fail "step 0 stands twice"
    until=1 train ranks --eval-data test.jsonl --eval-before --processes 2 2>log || { cat log; exit 1; }
    [ "$(value ranks 0 eval/test/pass@1)" = "$(value watched 0 eval/test/pass@1)" ] || fail "two ranks evaluate otherwise"
    # The best checkpoints by an evaluation.
    train best --eval-data test.jsonl --eval-every 1 --set save_steps=1 --set save_total_limit=1 --set save_best=2 \
      --set metric_for_best_model=eval/test/pass@1 2>log || { cat log; exit 1; }
    best=$(sed -n -E 's/.*"step":([0-9]+),.*"eval\/test\/pass@1":([^,}]*).*/\2 \1/p' best/metrics.jsonl | sort -k1,1gr -k2,2n | head -1 | cut -d' ' -f2)
    [ -d "best/checkpoint-$best" ] || { ls best; fail "checkpoint $best is not kept"; } ;;
  stops)
    train run --set guard_length=0.5 --set guard_steps=2 --set guard_stop=true 2>log || { cat log; exit 1; }
    grep -q 'step 2: guard length stops the run: completions/mean_length is .*, above 0.5 for 2 steps' log || { cat log; fail "guard"; }
    [ ! -e run/final ] && [ -d run/checkpoint-2 ] && [ "$(wc -l <run/metrics.jsonl)" = 2 ] || fail "the run was not stopped"
    grep -q '"completions/non_latin":0' run/metrics.jsonl || fail "no share of other scripts"
    train goes_on --set guard_length=0.5 --set guard_steps=2 2>log || { cat log; exit 1; }
    [ "$(grep -c 'guard length: ' log)" = 1 ] && [ -e goes_on/final ] || { cat log; fail "a guard that only speaks"; }
    train flat --eval-data test.jsonl --eval-every 1 --set plateau_patience=2 --set plateau_least=2 2>log || { cat log; exit 1; }
    grep -q 'step 3: eval/pass@1 has not improved on .* of step 1 in 2 evaluations: the run stops' log || { cat log; fail "plateau"; }
    refused() {
      local words=$1 code=0
      shift
      train refused "$@" 2>log >/dev/null || code=$?
      [ $code = 2 ] && [ "$(wc -l <log)" = 1 ] && grep -q -- "$words" log || { cat log; fail "exit code $code, expected: $words"; }
    }
    refused 'there is nothing to evaluate on' --eval-every 2
    refused 'eval_data is never used' --eval-data test.jsonl
    refused 'cannot be opened' --eval-data none.jsonl --eval-every 2
    refused "guard_kl is 'x'" --set guard_kl=x
    refused 'save_best chooses by eval/pass@1' --set save_best=1 --set metric_for_best_model=eval/pass@1
    refused 'plateau_patience waits for' --set plateau_patience=1
    refused "there is no 'none'" --eval-data test.jsonl --eval-every 2 --set eval_verifier=none ;;
  curriculum)
    for i in $(seq 1 24); do
      level=$([ $((i % 2)) = 0 ] && echo Easy || echo Hard)
      echo "{\"messages\":[{\"role\":\"user\",\"content\":\"$((i + 10))+$((3 * i))=\"}],\"answer\":\"$((4 * i + 10))\",\"level\":\"$level\"}"
    done >problems.jsonl
    mix=(--set 'curriculum_mix=0:Easy=1,Hard=0;3:Easy=0,Hard=1' --set curriculum_reward=exact_answer)
    train whole "${mix[@]}" 2>log || { cat log; exit 1; }
    # Rows of even ids (from 0) are hard.
    [ "$(grep -E '"step":1,' whole/completions.jsonl | grep -c -E '"problem":[0-9]*[02468],')" = 0 ] || fail "a hard problem in step 1"
    [ "$(grep -E '"step":[456],' whole/completions.jsonl | grep -c -E '"problem":[0-9]*[13579],')" = 0 ] || fail "an easy problem behind step 3"
    grep -q '"curriculum/pass_rate"' whole/metrics.jsonl || fail "no pass rate"
    until=2 train killed "${mix[@]}" 2>log || { cat log; exit 1; }
    train killed "${mix[@]}" --resume auto 2>log || { cat log; exit 1; }
    cmp whole/completions.jsonl killed/completions.jsonl || fail "a resumed curriculum draws otherwise"
    cmp whole/final/model.safetensors killed/final/model.safetensors || fail "a resumed curriculum trains otherwise"
    until=2 train ranks "${mix[@]}" --processes 2 2>log || { cat log; exit 1; }
    ids() { cat "$@" | sed -n -E 's/.*"step":1,"id":([0-9]+),"problem":([0-9]+),.*/\1 \2/p' | sort -n -u; }
    cmp <(ids whole/completions.jsonl) <(ids ranks/completions.jsonl ranks/rank-1/completions.jsonl) || fail "two ranks draw otherwise"
    code=0
    train refused --set curriculum_mix=Easy=1 2>log || code=$?
    [ $code = 2 ] && grep -q 'level Hard has no share' log || { cat log; fail "a level without a share"; }
    code=0
    train refused --set curriculum_reward=format 2>log || code=$?
    [ $code = 2 ] && grep -q "curriculum_reward is 'format'; expected one of reward_funcs" log || { cat log; fail "an unknown reward"; } ;;
  *) fail "no case '$what'" ;;
esac
