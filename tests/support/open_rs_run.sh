# Sourced by scripts that train with open_rs: a folder of their own to work in, problems, and the settings that all of their runs share.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

for i in $(seq 1 24); do
  echo "{\"messages\":[{\"role\":\"user\",\"content\":\"$((i + 10))+$((3 * i))=\"}],\"answer\":\"$((4 * i + 10))\"}"
done >problems.jsonl

settings=(--set system_prompt= --set reward_funcs=exact_answer,length_budget --set reward_weights=1,0.1
  --set num_generations=4 --set per_device_train_batch_size=32 --set gradient_accumulation_steps=1 --set num_processes=1
  --set max_completion_length=48 --set max_prompt_length=64 --set learning_rate=1e-3 --set save_steps=1)
fail() { echo "FAILED: $1"; exit 1; }
