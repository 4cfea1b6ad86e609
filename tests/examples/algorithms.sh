#!/usr/bin/env bash
# Every algorithm that arithmetic offers, with four minibatches a batch on one seed, lifts the embedded model by at least
# 20 points within 40 steps: algorithms.sh PROGRAM [NAME...]. Prints a line for each.
set -euo pipefail
program=$1
shift
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

if [ $# -gt 0 ]; then
  names=("$@")
else
  mapfile -t names < <("$program" --help | sed -n '/^Algorithms/,/^$/s/^  \([a-z_]*\)  .*/\1/p' | grep -v '^trl$')
fi
[ "${#names[@]}" -ge 1 ] || { echo "no algorithm is listed by --help"; exit 1; }

# Settings besides the defaults, where these are made for something else than 40 steps on short answers.
settings() {
  case $1 in
    # Without a ratio nothing holds the later minibatches of a batch near the policy that sampled it: smaller steps.
    re_max | gpg) echo --learning-rate 3e-5 ;;
    opo) echo --learning-rate 5e-5 ;;
    kl_cov) echo --learning-rate 1e-4 ;;
    # Values must be there before they are of use: the head learns faster than the trunk.
    ppo | vc_ppo) echo --critic shared --critic-learning-rate 3e-3 ;;
    # alpha 0.05 is for thousands of tokens: over twenty lambda would be 0, and nothing but values would teach.
    vapo) echo --critic shared --critic-learning-rate 3e-3 --set alpha=1 ;;
  esac
}

failed=()
tenths() { sed -n "s/^  $1 *\([0-9]*\)\.\([0-9]\) %/\1\2/p" "$folder/table"; }
for name in "${names[@]}"; do
  # shellcheck disable=SC2046
  if ! "$program" --algorithm "$name" --problems 32 --minibatches 4 --steps 40 --stop-at 58 --seed 0 --threads 2 \
    --out "$folder/$name" $(settings "$name") >"$folder/table" 2>"$folder/log"; then
    cat "$folder/log"
    failed+=("$name")
    continue
  fi
  echo "$name: before $(tenths before), after $(tenths after) tenths of a percent, $(wc -l <"$folder/$name/metrics.jsonl") steps $(settings "$name")"
  [ "$(tenths after)" -ge "$(($(tenths before) + 200))" ] || failed+=("$name")
done
[ "${#failed[@]}" -eq 0 ] || { echo "less than 20 points up: ${failed[*]}"; exit 1; }
