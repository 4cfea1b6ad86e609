#!/usr/bin/env bash
# The control example as a user runs it: control.sh PROGRAM ENVIRONMENT SEED... | control.sh PROGRAM faults
set -euo pipefail
program=$1 what=$2
shift 2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

if [ "$what" = faults ]; then
  # refused SENTENCE ARGUMENTS...: exit code 2 and one line that says why; nothing is trained.
  refused() {
    local sentence=$1 code=0
    shift
    "$program" --out "$folder/run" "$@" >"$folder/out" 2>"$folder/err" || code=$?
    [ "$code" -eq 2 ] && [ "$(wc -l <"$folder/err")" -eq 1 ] && grep -qF -- "$sentence" "$folder/err" && [ ! -e "$folder/run" ] ||
      { echo "$*: exit code $code, expected 2 with '$sentence'; it said:"; cat "$folder/err"; exit 1; }
  }
  refused "--env: 'Ant-v4'; expected CartPole-v1, Pendulum-v1" --env Ant-v4
  refused "--gamma: is 1.5" --gamma 1.5
  refused "--lambda: is -0.1" --lambda -0.1
  refused "--clip: is -1" --clip -1
  refused "--environments: is 0" --environments 0
  refused "--learning-rate: is nan" --learning-rate nan
  refused "unrecognised option '--bogus'" --bogus 1
  refused "--steps: is -5" --steps -5
  refused "--vf-coef: is inf" --vf-coef inf
  refused "--ent-coef: is nan" --ent-coef nan
  refused "--max-grad-norm: is -1" --max-grad-norm -1
  refused "--minibatch: is 100; expected a divisor of environments * horizon = 256" --minibatch 100
  refused "--minibatch: is 512; expected a divisor" --minibatch 512
  grep -q 'learning-rate arg (=0.0003)' <<<"$("$program" --env MountainCarContinuous-v0 --help)"
  # Collections are whole: two of 64 steps where 100 are asked for, on the progress line as in the learning curve.
  "$program" --env CartPole-v1 --steps 100 --environments 2 --horizon 32 --eval-episodes 1 --out "$folder/run" >/dev/null 2>"$folder/progress"
  curve=$(tail -n 1 "$folder/run/learning_curve.csv")
  [[ $curve == evaluation,128,* ]] && grep -q '^128/128 environment steps' "$folder/progress" ||
    { echo "steps of the curve and of the progress differ: $curve"; cat "$folder/progress"; exit 1; }
  exit
fi

for seed in "$@"; do
  "$program" --env "$what" --seed "$seed" --out "$folder/$seed" 2>"$folder/progress" | tee "$folder/table"
  grep -q 'episodes .*  solved (' "$folder/table" || { echo "$what, seed $seed: not solved"; exit 1; }
  grep -q 'environment steps  return .* steps/s' "$folder/progress" || { echo "there is no progress line"; exit 1; }
  grep -q '<polyline' "$folder/$seed/learning_curve.svg" && grep -q '^evaluation,' "$folder/$seed/learning_curve.csv" ||
    { echo "there is no learning curve"; exit 1; }
done
