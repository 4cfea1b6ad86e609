# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/advantage/estimates.json: advantages and value targets of published estimators, in float64.

"trl" runs the lines of TRL's `GRPOTrainer` that turn rewards into advantages, taken out of the method's source (the
method itself wants a model). All else is written here from the papers and from the definitions of verl and NeMo, on padded
[sequences, longest] tensors as those have them, token by token, with none of the library's shortcuts: it shares no code
with it. `check` names the published function that gave the same numbers when this was written.

Needs torch and trl (written with 2.11 and 1.16). Run from the repository root, no arguments.
"""
import inspect
import json
import math
import textwrap
from types import SimpleNamespace

import torch
from trl.trainer.grpo_trainer import GRPOTrainer
from trl.trainer.utils import nanstd

torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(4)
LENGTHS = [5, 9, 1, 1, 7, 12, 0, 6, 20, 33, 2, 8]
GROUP = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
ENVIRONMENT = [(1, 3, 5), (5, 0, 2), (5, 8, 11), (9, 10, 11)]  # sequence, from, to: tokens the policy did not choose
B, L = len(LENGTHS), max(LENGTHS)


def uniform(*shape):
    return torch.rand(*shape, generator=generator)


def make_batch():
    mask = torch.zeros(B, L)
    for i, n in enumerate(LENGTHS):
        mask[i, :n] = 1
    inside = mask.clone()
    for i, begin, end in ENVIRONMENT:
        mask[i, begin:end] = 0
    log_prob = -2 * uniform(B, L)
    return SimpleNamespace(
        mask=mask, inside=inside,
        reward=torch.tensor([1.0, 0, 0, 1, 1, 1, 1, 1, 0.5, -0.25, 2, 0]),
        solved=torch.tensor([1.0, 0, 0, 1, 1, 1, 0, 1, 0, 0, 1, 0]),
        greedy=torch.tensor([0.5] * 4 + [1.0] * 4 + [0.0] * 4),
        token_reward=0.1 * (uniform(B, L) - 0.5) * mask,
        value=2 * uniform(B, L) - 0.5,
        bootstrap=torch.tensor([0.0, 0, 0.7, 0, 0, -0.3, 0, 0, 0, 1.1, 0, 0]),
        log_prob=log_prob,
        sum_squares=log_prob.exp() ** 2 + (1 - log_prob.exp()) ** 2 * uniform(B, L))


def pack(batch, padded):
    return [x for i, n in enumerate(LENGTHS) for x in padded[i, :n].tolist()]


def token_rewards(batch, shaped=True):
    """Every reward at its token; the sequence's at the last."""
    rewards = batch.token_reward.clone() if shaped else torch.zeros(B, L)
    for i, n in enumerate(LENGTHS):
        if n:
            rewards[i, n - 1] += batch.reward[i]
    return rewards


def groups():
    return [[i for i in range(B) if GROUP[i] == g] for g in sorted(set(GROUP))]


def whitened(x, mask, ddof=1):
    chosen = x[mask.bool()]
    variance = ((chosen - chosen.mean()) ** 2).sum() / (len(chosen) - ddof)
    return (x - chosen.mean()) / torch.sqrt(variance + 1e-8) * mask


def gae(batch, gamma, lam):
    """One decision after the other from the end; lam is a number or one a sequence."""
    rewards, advantage = token_rewards(batch), torch.zeros(B, L)
    for i in range(B):
        rate = lam if isinstance(lam, float) else lam[i]
        following, later = batch.bootstrap[i].item(), 0.0
        for t in reversed(range(LENGTHS[i])):
            if not batch.mask[i, t]:
                continue
            later = rewards[i, t].item() + gamma * following - batch.value[i, t].item() + gamma * rate * later
            following = batch.value[i, t].item()
            advantage[i, t] = later
    return advantage, (advantage + batch.value) * batch.mask


def per_sequence(batch, values):
    return torch.as_tensor(values)[:, None].expand(B, L) * batch.inside


def rloo(r):
    return [r[i] - sum(r[j] for j in g if j != i) / (len(g) - 1) for g in groups() for i in g]


def centred(r):
    return [r[i] - sum(r[j] for j in g) / len(g) for g in groups() for i in g]


def opo(batch, r):
    length = batch.mask.sum(1)
    return [r[i] - sum(length[j] * r[j] for j in g) / sum(length[j] for j in g) for g in groups() for i in g]


def to_go(batch):
    return (token_rewards(batch) * batch.inside).flip(1).cumsum(1).flip(1)


def otb(batch, zero_tail, leave_one_out):
    """Baselines position by position, positions counted in decisions."""
    result = torch.zeros(B, L)
    rest = to_go(batch)
    pi = batch.log_prob.exp()
    energy = ((1 - 2 * pi + batch.sum_squares) * batch.mask).cumsum(1)
    where = [[t for t in range(L) if batch.mask[i, t]] for i in range(B)]
    for g in groups():
        for position in range(L):
            here = [i for i in g if len(where[i]) > position]
            for i in here:
                t = where[i][position]
                others = [j for j in here if j != i] if leave_one_out else here
                if len(here) == 1:
                    result[i, t] = rest[i, t] if zero_tail else 0.0
                    continue
                weights = [energy[j, where[j][position]] for j in others]
                returns = [rest[j, where[j][position]] for j in others]
                result[i, t] = rest[i, t] - sum(w * x for w, x in zip(weights, returns)) / sum(weights)
    return result


def gpg(r):
    without = sum(len(g) for g in groups() if len({r[i].item() for i in g}) == 1)
    return [B / (B - without) * x for x in centred(r)]


def max_minus_second(r, scaled):
    out = [0.0] * B
    for g in groups():
        order = sorted(g, key=lambda i: -r[i].item())
        gap = r[order[0]] - r[order[1]]
        out[order[0]] = gap / (torch.std(r[g]) + 1e-6) if scaled else gap
    return out


def pass_at_k(solved, k):
    """Averages of the group's normalised reward over all groups of k that contain the sample."""
    from itertools import combinations
    out = [0.0] * B
    for g in groups():
        earned = {c: float(any(solved[i] for i in c)) for c in combinations(g, k)}
        mean = sum(earned.values()) / len(earned)
        sigma = math.sqrt(mean * (1 - mean))
        for i in g:
            mine = [x for c, x in earned.items() if i in c]
            out[i] = (sum(mine) / len(mine) - mean) / sigma if sigma else 0.0
    return out


def bnpo(solved):
    rates = torch.stack([solved[g].mean() for g in groups()])
    mean, size = rates.mean(), rates.mean() * (1 - rates.mean()) / rates.var() - 1
    alpha, beta = max(1 + size * mean / 3, torch.tensor(1.0)), max(1 + size * (1 - mean) / 3, torch.tensor(1.0))
    density = [torch.distributions.Beta(alpha, beta).log_prob(rates[GROUP[i]]).exp().item() for i in range(B)]
    return [min(1 / d if d else math.inf, 1e6) * x for d, x in zip(density, centred(solved))]


def max_rl(solved):
    return [x / solved[groups()[GROUP[i]]].mean() for i, x in enumerate(centred(solved))]


def cases(batch):
    total = batch.reward + batch.token_reward.sum(1)
    mask, inside = batch.mask, batch.inside

    def case(estimator, advantage, target=None, check=None, **options):
        return {"estimator": estimator, "options": options, "advantage": pack(batch, advantage * mask),
                "target": None if target is None else pack(batch, target), "check": check}

    yield case("LeaveOneOut", per_sequence(batch, rloo(total)), check="verl compute_rloo_outcome_advantage")
    yield case("LengthWeightedBaseline", per_sequence(batch, opo(batch, total)),
               check="verl compute_opo_outcome_advantage")
    yield case("GreedyBaseline", to_go(batch) - batch.greedy[:, None], check="verl compute_remax_outcome_advantage")
    yield case("WhitenedGroupRelative", whitened(per_sequence(batch, centred(total)), mask),
               check="verl compute_reinforce_plus_plus_baseline_outcome_advantage")
    for gamma in (1.0, 0.9):
        returns = gae(SimpleNamespace(**{**vars(batch), "value": torch.zeros(B, L), "bootstrap": torch.zeros(B)}), gamma, 1.0)[0]
        yield case("WhitenedReturn", whitened(returns, mask), gamma=gamma,
                   check="verl compute_reinforce_plus_plus_outcome_advantage")
    for tail in (True, False):
        yield case("OptimalTokenBaseline", otb(batch, tail, False), handle_zero_tail=tail, leave_one_out=False,
                   check="verl compute_multi_turn_optimal_token_baseline_advantage")
    yield case("OptimalTokenBaseline", otb(batch, True, True), handle_zero_tail=True, leave_one_out=True)
    for scaled in (True, False):
        yield case("MaxMinusSecond", per_sequence(batch, max_minus_second(total, scaled)), scaled=scaled,
                   check="verl compute_grpo_passk_outcome_advantage")
    for gamma, lam in ((1.0, 1.0), (1.0, 0.95), (0.99, 0.95), (0.9, 0.0)):
        advantage, target = gae(batch, gamma, lam)
        for whiten in (False, True):
            yield case("Gae", whitened(advantage, mask) if whiten else advantage, target, gamma=gamma, whiten=whiten,
                       check="verl compute_gae_advantage_return", **{"lambda": lam})
    advantage = gae(batch, 0.99, 0.9)[0]
    yield case("DecoupledGae", whitened(advantage, mask), gae(batch, 0.99, 1.0)[1], gamma=0.99, lambda_critic=1.0,
               whiten=True, check="NeMo GeneralizedAdvantageEstimator", **{"lambda": 0.9})
    lengths = mask.sum(1)
    adaptive = [max(0.0, 1 - 1 / (0.2 * n.item())) if n else 0.0 for n in lengths]
    yield case("LengthAdaptiveGae", gae(batch, 1.0, adaptive)[0], gae(batch, 1.0, 0.98)[1], gamma=1.0, alpha=0.2,
               lambda_critic=0.98, whiten=False, check="NeMo GeneralizedAdvantageEstimator")


def binary_cases(batch):
    """Rewards of 0 and 1, at the last token only."""
    def case(estimator, values, check=None, **options):
        return {"estimator": estimator, "options": options, "check": check,
                "advantage": pack(batch, per_sequence(batch, values) * batch.mask), "target": None}

    solved = batch.solved
    yield case("SignalScaled", gpg(solved))
    for k in (1, 2, 3, 4):
        yield case("PassAtKRelative", pass_at_k(solved, k), k=k, check="Passk_Training calc_adv")
    yield case("BetaNormalized", bnpo(solved), check="BNPO compute_bnpo_outcome_advantage")
    yield case("MeanRelative", max_rl(solved))


def trl_lines():
    lines = inspect.getsource(GRPOTrainer._generate_and_score_completions).splitlines()
    begin = next(i for i, line in enumerate(lines) if "unscorable_mask =" in line)
    end = next(i for i, line in enumerate(lines) if "advantages = torch.nan_to_num" in line)
    return textwrap.dedent("\n".join(lines[begin:end + 1]))


def trl():
    """Rewards of three functions for 12 samples in groups of 4, some declined, one sample by all."""
    rewards = uniform(12, 3)
    rewards[:, 0] = (rewards[:, 0] > 0.5).double()
    rewards[4:8, 0] = 1
    rewards[1, 1] = rewards[7, 2] = rewards[10, 0] = rewards[10, 2] = torch.nan
    rewards[6] = torch.nan
    weights = torch.tensor([1.0, 0.5, 2.0])
    results = []
    for aggregation, scale in (("sum_then_normalize", "group"), ("sum_then_normalize", "batch"),
                               ("sum_then_normalize", "none"), ("normalize_then_sum", "group")):
        trainer = SimpleNamespace(multi_objective_aggregation=aggregation, scale_rewards=scale, reward_weights=weights,
                                  reward_funcs=[None] * 3)
        scope = {"self": trainer, "torch": torch, "nanstd": nanstd, "rewards_per_func": rewards, "num_generations": 4,
                 "device": "cpu"}
        exec(trl_lines(), scope)
        results.append({"aggregation": aggregation, "scale": scale, "advantage": scope["advantages"].tolist()})
    return {"rewards": [[None if math.isnan(x) else x for x in row] for row in rewards.tolist()],
            "weights": weights.tolist(), "cases": results}


def main():
    batch = make_batch()
    columns = {name: pack(batch, getattr(batch, name)) for name in ("token_reward", "value", "log_prob", "sum_squares")}
    out = {"lengths": LENGTHS, "groups": GROUP, "reward": batch.reward.tolist(), "solved": batch.solved.tolist(),
           "greedy_reward": batch.greedy.tolist(), "bootstrap": batch.bootstrap.tolist(),
           "counts": [int(x) for x in pack(batch, batch.mask)], **columns,
           "cases": list(cases(batch)), "binary": list(binary_cases(batch)), "trl": trl()}
    with open("tests/data/advantage/estimates.json", "w") as file:
        json.dump(out, file)
        file.write("\n")


if __name__ == "__main__":
    main()
