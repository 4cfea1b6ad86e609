# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/objective/updates_published.json: eight updates of one batch by the algorithms that TRL lacks.

Batch, table of logits, plan and optimizer are those of updates_trl.py; advantages and losses are each paper's equations,
written out in float64 and differentiated by torch. A token's value is a number of its context, trained with the table.
Right answers have reward 1, others 0; `greedy` is the reward of the greedy answer to each problem.

Needs torch and trl (written with 2.11 and 1.16). Run from the repository root, no arguments.
"""
import json
import torch
from updates_trl import CONTEXTS, DECAY, GROUP, LENGTHS, MAX_NORM, N, PLAN, RATE, WORDS, make_batch, outputs

STARTS = [sum(LENGTHS[:i]) for i in range(len(LENGTHS))]
OF = torch.tensor([s for s, n in enumerate(LENGTHS) for _ in range(n)])  # the sequence of each token
RIGHT = torch.tensor([1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 1, 0.0])
GREEDY = torch.tensor([1.0, 0.0, 0.0, 1.0])
VALUES = torch.tensor([0.4, -0.2, 0.7, 0.1, 0.9, 0.3])
PROBLEM = torch.arange(len(LENGTHS)) // GROUP
LENGTH = torch.tensor(LENGTHS, dtype=torch.float64)


def spread(column):
    return column[OF]


def group_mean(column):
    return torch.stack([column[PROBLEM == g].mean() for g in PROBLEM])


def whiten(column):
    return (column - column.mean()) / (column.var() + 1e-8).sqrt()


def gae(values, lambda_of):
    """A_t = sum_l lambda^l d_{t+l} with gamma 1; the reward comes with the last token, and nothing follows it."""
    out = torch.zeros(N)
    for s, (start, n) in enumerate(zip(STARTS, LENGTHS)):
        v = torch.cat([values[start:start + n], torch.zeros(1)])
        delta = v[1:] - v[:-1]
        delta[-1] += RIGHT[s]
        for t in range(n):
            out[start + t] = sum(lambda_of(n)**(u - t) * delta[u] for u in range(t, n))
    return out


def optimal_token(batch):
    rows = torch.softmax(batch["start"][batch["contexts"]], -1)
    pi = rows.gather(1, batch["tokens"][:, None]).squeeze(1)
    norm = 1 - 2 * pi + (rows**2).sum(-1)
    weight = [norm[start:start + n].cumsum(0) for start, n in zip(STARTS, LENGTHS)]
    out = torch.zeros(N)
    for s, (start, n) in enumerate(zip(STARTS, LENGTHS)):
        for t in range(n):
            with_t = [j for j in range(len(LENGTHS)) if PROBLEM[j] == PROBLEM[s] and LENGTHS[j] > t]
            baseline = sum(RIGHT[j] * weight[j][t] for j in with_t) / sum(weight[j][t] for j in with_t)
            out[start + t] = RIGHT[s] - (baseline if len(with_t) > 1 else 0.0)
    return out


def pass_at_k(k):
    from math import comb
    out = torch.zeros(len(LENGTHS))
    for g in range(len(LENGTHS) // GROUP):
        wrong = int((RIGHT[PROBLEM == g] == 0).sum())
        mean = 1 - comb(wrong, k) / comb(GROUP, k)
        sigma = (mean * (1 - mean))**0.5
        for s in (PROBLEM == g).nonzero().flatten():
            if sigma > 0:
                low = 1 - mean - comb(wrong - 1, k - 1) / comb(GROUP - 1, k - 1) if wrong else 0
                out[s] = (1 - mean if RIGHT[s] else low) / sigma
    return out


def beta_normalized():
    p = RIGHT.view(-1, GROUP).mean(1)
    mean, size = p.mean(), p.mean() * (1 - p.mean()) / p.var() - 1
    a, b = (1 + size * mean / 3).clamp(min=1), (1 + size * (1 - mean) / 3).clamp(min=1)
    density = torch.distributions.Beta(a, b).log_prob(p).exp()
    return (RIGHT - p[PROBLEM]) / density[PROBLEM]


def signal_scaled():
    mean = group_mean(RIGHT)
    flat = torch.tensor([bool((RIGHT[PROBLEM == g] == RIGHT[PROBLEM == g][0]).all()) for g in PROBLEM])
    return (RIGHT - mean) * len(RIGHT) / (~flat).sum()


def standardised():
    grouped = RIGHT.view(-1, GROUP)
    return ((grouped - grouped.mean(1, keepdim=True)) / (grouped.std(1, keepdim=True) + 1e-4)).flatten()


# Losses of one minibatch: m has the columns of its tokens, `of` the sequence of each.
def by_sequence(m, column, reduce):
    return torch.stack([reduce(column[m["of"] == s]) for s in m["sequences"]])


def sequence_mean(m, column):
    return by_sequence(m, column, torch.mean).mean()


def sequence_sum(m, column):
    return by_sequence(m, column, torch.sum).mean()


def clip(m, ratio, low=0.2, high=0.2):
    return -torch.min(ratio * m["a"], ratio.clamp(1 - low, 1 + high) * m["a"])


def ratio(m):
    return (m["log_p"] - m["old"]).exp()


def reinforce(m):
    return -m["a"] * m["log_p"]


def with_values(m, surrogate):
    bounded = m["v_old"] + (m["v"] - m["v_old"]).clamp(-0.2, 0.2)
    error = torch.max((m["v"] - m["target"])**2, (bounded - m["target"])**2).mean()
    return surrogate.mean() + 0.5 / 2 * error


def vapo(m):
    right = spread(RIGHT)[m["rows"]] > 0
    nll = -m["log_p"][right].mean() if right.any() else 0.0
    return with_values(m, clip(m, ratio(m), 0.2, 0.28)) + 0.1 * nll


def gspo_token(m):
    mean = by_sequence(m, m["log_p"] - m["old"], torch.mean)
    at = torch.tensor([m["sequences"].index(s) for s in m["of"].tolist()])
    through = (mean.detach()[at] + m["log_p"] - m["log_p"].detach()).exp()
    return sequence_mean(m, clip(m, through, 0.02, 0.03))


def gmpo(m):
    sign = torch.sign(m["a"])
    log_ratio = m["log_p"] - m["old"]
    inside = sign * torch.min(sign * log_ratio, sign * log_ratio.clamp(-0.1, 0.1))
    return -(by_sequence(m, inside, torch.mean).exp() * by_sequence(m, m["a"], lambda x: x[0])).mean()


def covariance(m):
    log_p = m["log_p"].detach()
    return (m["a"] - m["a"].mean()) * (log_p - log_p.mean())


def clip_cov(m):  # the share drawn is 1: all of them
    cov, r = covariance(m), ratio(m).detach()
    clipped = ((m["a"] > 0) & (r > 1.2)) | ((m["a"] < 0) & (r < 0.8))
    taken = (cov > 0.1) & (cov < 0.8) & ~clipped
    return (clip(m, ratio(m)) * ~taken).mean()


def kl_cov(m):  # two of twenty tokens, and those that equal the second
    cov = covariance(m)
    taken = (cov >= torch.topk(cov, 2).values[-1]).double()
    return (-ratio(m) * m["a"] + taken * (m["log_p"] - m["old"]).abs()).mean()


def dppo(m):
    p, q = m["log_p"].detach().exp(), m["sampled"].exp()
    moved = (p - q).abs() > 0.05
    stop = moved & torch.where(m["a"] > 0, p > q, p < q)
    return (-(m["log_p"] - m["sampled"]).exp() * m["a"] * ~stop).mean()


def algorithms(batch):
    """name -> settings, advantage of each token, value target of each token or none, loss."""
    v = VALUES[batch["contexts"]]
    decoupled, adaptive = gae(v, lambda n: 0.95), gae(v, lambda n: max(0.0, 1 - 1 / (0.5 * n)))
    all_of_it = gae(v, lambda n: 1.0) + v
    discounted = torch.cat([RIGHT[s] * 0.9**torch.arange(n - 1, -1, -1) for s, n in enumerate(LENGTHS)])
    longest = torch.stack([(LENGTH * RIGHT)[PROBLEM == g].sum() / LENGTH[PROBLEM == g].sum() for g in PROBLEM])
    token_clip = lambda m: clip(m, ratio(m)).mean()
    k2 = lambda m: clip(m, ratio(m)).mean() + 0.01 * ((m["log_p"] - m["old"])**2 / 2).mean()
    critic = lambda m: with_values(m, clip(m, ratio(m)))
    return {
        "reinforce_plus_plus": (["gamma=0.9"], whiten(discounted), None, token_clip),
        "reinforce_plus_plus_baseline": ([], whiten(spread(RIGHT - group_mean(RIGHT))), None, k2),
        "re_max": ([], spread(RIGHT - GREEDY[PROBLEM]), None, lambda m: sequence_sum(m, reinforce(m))),
        "ppo": ([], whiten(decoupled), decoupled + v, critic),
        "vc_ppo": ([], whiten(decoupled), all_of_it, critic),
        "vapo": (["alpha=0.5"], whiten(adaptive), all_of_it, vapo),
        "gspo_token": (["epsilon=0.02", "epsilon_high=0.03"], spread(standardised()), None, gspo_token),
        "gmpo": (["epsilon=0.1"], spread(standardised()), None, gmpo),
        "opo": ([], spread(RIGHT - longest), None, lambda m: sequence_sum(m, reinforce(m))),
        "otb": ([], optimal_token(batch), None, lambda m: sequence_sum(m, reinforce(m))),
        "gpg": ([], spread(signal_scaled()), None, lambda m: reinforce(m).mean()),
        "pass_at_k": (["k=2"], spread(pass_at_k(2)), None, token_clip),
        "clip_cov": (["clip_cov_ratio=1", "clip_cov_lb=0.1", "clip_cov_ub=0.8"], spread(standardised()), None, clip_cov),
        "kl_cov": (["kl_cov_ratio=0.1"], spread(standardised()), None, kl_cov),
        "dppo": (["epsilon=0.05"], spread(standardised()), None, dppo),
        "max_rl": ([], spread((RIGHT - group_mean(RIGHT)) / group_mean(RIGHT).clamp(min=1e-12)), None, token_clip),
        "bnpo_paper": ([], spread(beta_normalized()), None, lambda m: sequence_mean(m, clip(m, ratio(m)))),
    }


def run(batch, settings, advantage, target, loss_of):
    table, values = batch["start"].clone().requires_grad_(), VALUES.clone().requires_grad_()
    optimizer = torch.optim.AdamW([table, values], lr=RATE, weight_decay=DECAY)
    updates = []
    for sequences in PLAN:
        rows = torch.cat([torch.arange(STARTS[s], STARTS[s] + LENGTHS[s]) for s in sequences])
        m = {"sequences": sequences, "rows": rows, "of": OF[rows], "a": advantage[rows], "old": batch["old"][rows],
             "sampled": batch["sampled"][rows], "log_p": outputs(table, batch)[0][rows]}
        if target is not None:
            contexts = batch["contexts"][rows]
            m |= {"v": values[contexts], "v_old": VALUES[contexts], "target": target[rows]}
        loss = loss_of(m)
        optimizer.zero_grad(set_to_none=False)
        loss.backward()
        if values.grad is None:
            values.grad = torch.zeros_like(values)  # decays as any other parameter
        norm = torch.nn.utils.clip_grad_norm_([table, values], MAX_NORM)
        optimizer.step()
        r, a = ratio(m), m["a"]
        updates.append({"loss": loss.item(), "norm": norm.item(),
                        "low": ((r < 0.8) & (a < 0)).double().mean().item(),
                        "high": ((r > 1.2) & (a > 0)).double().mean().item()})
    return {"settings": settings, "updates": updates, "final": table.flatten().tolist(), "values": values.tolist()}


def main():
    batch = make_batch()
    done = [{"algorithm": name, **run(batch, *parts)} for name, parts in algorithms(batch).items()]
    for case in done:
        print(case["algorithm"], [round(u["norm"], 3) for u in case["updates"]])
    out = {"lengths": LENGTHS, "plan": PLAN, "rate": RATE, "decay": DECAY, "max_norm": MAX_NORM, "group": GROUP,
           "contexts": CONTEXTS, "words": WORDS, "start": batch["start"].flatten().tolist(),
           "values": VALUES.tolist(), "context": batch["contexts"].tolist(), "token": batch["tokens"].tolist(),
           "sampled": batch["sampled"].tolist(), "rewards": RIGHT[:, None].tolist(), "greedy": GREEDY[:, None].tolist(),
           "cases": done}
    with open("tests/data/objective/updates_published.json", "w") as file:
        json.dump(out, file, separators=(",", ":"))
        file.write("\n")


main()
