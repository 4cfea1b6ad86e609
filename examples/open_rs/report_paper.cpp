// SPDX-License-Identifier: Apache-2.0
// Figures of arXiv 2503.16219 (version 2, tables 1 to 3 and the logs of its repository) and of those who measured its
// checkpoints again. In percent; null where there is none.
#include "open_rs/report_data.hpp"

namespace open_rs {
namespace {

constexpr char const* figures = R"json({
"tasks": ["AIME24", "MATH-500", "AMC23", "Minerva", "OlympiadBench"],
"table1": [
 ["Llama-3.1-70B-Instruct", 16.7, 64.6, 30.1, 35.3, 31.9, 35.7],
 ["o1-preview", 44.6, 85.5, null, null, null, null],
 ["Qwen-2.5-Math-7B-Instruct", 13.3, 79.8, 50.6, 34.6, 40.7, 43.8],
 ["rStar-Math-7B", 26.7, 78.4, 47.5, null, 47.1, null],
 ["Eurus-2-7B-PRIME", 26.7, 79.2, 57.8, 38.6, 42.1, 48.9],
 ["Qwen2.5-7B-SimpleRL", 26.7, 82.4, 62.5, 39.7, 43.3, 50.9],
 ["DeepSeek-R1-Distill-Qwen-1.5B (copied from DeepScaleR)", 28.8, 82.8, 62.9, 26.5, 43.3, 48.9],
 ["Still-3-1.5B-Preview", 32.5, 84.4, 66.7, 29.0, 45.4, 51.6],
 ["DeepScaleR-1.5B-Preview", 43.1, 87.8, 73.6, 30.2, 50.0, 57.0],
 ["Open-RS1 (step 100)", 30.0, 83.8, 70.0, 29.0, 52.4, 53.0],
 ["Open-RS2 (step 50)", 30.0, 85.4, 80.0, 30.5, 52.4, 55.7],
 ["Open-RS3 (step 50)", 46.7, 84.4, 72.5, 26.8, 51.3, 56.3]],
"remeasured": [
 ["Open-RS3, the authors again on an L40 (open-rs#6)", 23.3, null, null, null, null],
 ["Open-RS1, 4 x A6000 (open-rs#11)", 23.3, 84.0, 67.5, 28.3, null],
 ["Open-RS2, 4 x A6000 (open-rs#11)", 33.3, 86.0, 65.0, 30.9, null],
 ["Open-RS3, 4 x A6000 (open-rs#11)", 23.3, 80.6, 72.5, 30.2, null],
 ["Open-RS3 trained again, without vLLM (open-rs#12)", 26.7, null, null, null, null],
 ["base model, Step-GRPO (AAAI-26)", 28.7, 84.6, 71.5, 30.5, 52.4],
 ["Open-RS1, Step-GRPO (AAAI-26)", 28.9, 85.1, 75.0, 30.4, 53.2],
 ["Open-RS2, Step-GRPO (AAAI-26)", 31.3, 84.1, 73.0, 29.2, 53.7],
 ["Open-RS3, Step-GRPO (AAAI-26)", 29.7, 84.2, 69.2, 28.6, 51.8],
 ["Open-RS3, mean of 32 samples (arXiv 2509.21882)", 30.9, null, null, null, null],
 ["Experiment 3 trained again, step 50 (BenLus)", 33.3, 83.6, 72.5, 29.0, 52.7],
 ["Experiment 3 trained again, step 100", 30.0, 83.4, 72.5, 32.0, 54.2],
 ["Experiment 3 trained again, step 150", 30.0, 83.8, 70.0, 28.7, 52.4],
 ["Experiment 3 trained again, step 200", 26.7, 83.4, 67.5, 32.0, 52.7],
 ["Experiment 3 trained again, step 250", 26.7, 81.8, 70.0, 26.8, 48.3],
 ["Experiment 3 trained again, step 300", 36.7, 83.0, 77.5, 28.7, 50.1],
 ["Experiment 3 trained again, step 350", 30.0, 83.6, 70.0, 28.7, 52.4],
 ["Experiment 3 trained again, step 400", 23.3, 84.6, 72.5, 30.9, 48.9]],
"aime_tokens": [["base model", 11815], ["Open-RS1", 11399], ["Open-RS2", 10896], ["Open-RS3", 13054]],
"checkpoints": [
 [1, 100, 30.0, 83.8, 70.0, 14556, 4071, 9510], [1, 200, 30.0, 79.8, 57.5, 15868, 5663, 11257],
 [1, 300, 26.7, 75.6, 57.5, 17383, 7243, 13066], [1, 400, 33.3, 82.0, 67.5, 12090, 4638, 8272],
 [1, 500, 23.3, 79.8, 67.5, 11096, 4028, 7248],
 [2, 50, 30.0, 85.4, 80.0, 13876, 4017, 6133], [2, 100, 33.3, 85.6, 70.0, 12498, 3796, 6851],
 [2, 150, 36.7, 85.4, 75.0, 9894, 3406, 5389], [2, 200, 20.0, 80.0, 57.5, 13556, 3826, 6824],
 [2, 250, 30.0, 82.6, 65.0, 10496, 3661, 5711], [2, 300, 20.0, 82.4, 67.5, 9118, 3100, 5538],
 [2, 350, 33.3, 81.4, 62.5, 8494, 3105, 4290], [2, 400, 26.7, 82.2, 70.0, 8909, 2872, 5014],
 [3, 50, 46.7, 84.4, 72.5, 12922, 4094, 7744], [3, 100, 30.0, 84.4, 70.0, 13429, 4246, 7771],
 [3, 150, 43.3, 85.6, 75.0, 11027, 3536, 6804], [3, 200, 23.3, 85.2, 77.5, 11822, 3339, 5266],
 [3, 250, 33.3, 80.4, 60.0, 12295, 3989, 8591], [3, 300, 26.7, 83.0, 70.0, 12809, 4378, 7577],
 [3, 350, 23.3, 81.4, 70.0, 12877, 4701, 6742], [3, 400, 30.0, 82.4, 67.5, 10607, 4164, 7577]],
"cost": [
 ["Open-RS", "7,000 x 6", "4 x A40 48 GB", 24, 42],
 ["Qwen2.5-7B-SimpleRL", "8,000 x 8", "4 x 6 A100 80 GB", 36, 1633],
 ["Eurus-2-7B-PRIME", "150,000 x 4 and 230,000 SFT", "8 A100 80 GB", 72, 1088],
 ["rStar-Math-7B", "3.647M x 16 and 7.3M SFT", null, null, null],
 ["DeepScaleR-1.5B", "40,000 x 16", "8 A100 80 GB", 240, 3629],
 ["Still-3-1.5B", "30,000 x 8", "8 A100 80 GB", 150, 2268]]
})json";

}  // namespace

grove::io::Json paper_figures() { return grove::io::parse_json(figures, "the paper's figures"); }

}  // namespace open_rs
