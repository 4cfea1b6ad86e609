# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/objective/published.json: surrogates and KLs that TRL does not have, by torch's autograd.

Each function is one paper's equation (or verl's or NeMo's published formula where it says so) in float64, written out
with torch's own clamp, min, max, detach and quantile, so that derivatives at kinks are torch's too.

Needs torch. Run from the repository root, no arguments.
"""
import json
import torch

LENGTHS = [5, 9, 0, 1, 7, 12, 3, 6]
torch.set_default_dtype(torch.float64)
generator = torch.Generator().manual_seed(77)
N = sum(LENGTHS)
STARTS = [sum(LENGTHS[:i]) for i in range(len(LENGTHS))]


def noise(scale=1.0):
    return scale * torch.randn(N, generator=generator)


def make_batch():
    log_p = -0.05 - 2 * torch.rand(N, generator=generator)
    old = log_p + noise(0.4)
    counts = torch.ones(N)
    counts[[2, 3, 17, 30]] = 0  # tokens that the policy did not choose
    value = noise()
    batch = {"log_p": log_p, "log_p_old": old, "log_p_ref": log_p + noise(0.4), "log_p_rollout": old + noise(0.2),
             "entropy": 3 * torch.rand(N, generator=generator), "advantage": noise(), "value": value,
             "value_old": value + noise(0.3), "return_": noise(), "counts": counts}
    batch["reward"] = torch.cat([torch.full((n,), float(s % 3 - 1)) for s, n in enumerate(LENGTHS)])
    batch["of_sequence"] = torch.cat([torch.full((n,), a) for n, a in zip(LENGTHS, [1.3, -.7, .4, -1, 0, 2.1, -1.6, .2])])
    batch["selected"] = (torch.rand(N, generator=generator) < 0.3).double() * counts
    return batch


def token_mean(b, token):
    return (token * b["counts"]).sum() / b["counts"].sum()


def sequences(b, *columns):
    """The rows of each sequence that count."""
    for start, n in zip(STARTS, LENGTHS):
        rows = [i for i in range(start, start + n) if b["counts"][i] != 0]
        yield [column[rows] for column in columns]


def ratio(b):
    return (b["log_p"] - b["log_p_old"]).exp()


def clipped(b, low=0.2, high=0.2):
    r, a = ratio(b), b["advantage"]
    return -torch.min(r * a, r.clamp(1 - low, 1 + high) * a)


def dual_clip(b):  # arXiv 1912.09729, eq. 5, as verl's `vanilla`
    bounded = torch.min(-1.2 * b["advantage"], clipped(b))
    return token_mean(b, torch.where(b["advantage"] < 0, bounded, clipped(b)))


def clip_cov(b):  # arXiv 2505.22617: the selected tokens have no loss
    return token_mean(b, clipped(b) * (1 - b["selected"]))


def kl_cov(b):  # arXiv 2505.22617: no clip, the selected tokens are pulled back
    pull = 0.6 * (b["log_p"] - b["log_p_old"]).abs()
    return token_mean(b, -ratio(b) * b["advantage"] + b["selected"] * pull)


def geo_mean(b):  # arXiv 2507.20673, eq. 4
    losses = []
    for delta, a in sequences(b, b["log_p"] - b["log_p_old"], b["of_sequence"]):
        if len(a) == 0:
            losses.append(torch.zeros(()))
            continue
        sign = torch.sign(a)
        inside = sign * torch.min(sign * delta, sign * delta.clamp(-0.2, 0.3))
        losses.append(-a[0] * inside.mean().exp())
    return torch.stack(losses).mean()


def gspo_token(b):  # arXiv 2507.18071, eq. 13 and 14
    losses = []
    for p, old, a in sequences(b, b["log_p"], b["log_p_old"], b["advantage"]):
        if len(a) == 0:
            losses.append(torch.zeros(()))
            continue
        s = (p - old).mean().exp().detach() * (p - p.detach()).exp()
        losses.append(-torch.min(s * a, s.clamp(0.97, 1.02) * a).mean())
    return torch.stack(losses).mean()


def gpg(b):  # arXiv 2504.02546
    return token_mean(b, -b["advantage"] * b["log_p"])


def dppo(b, divergence, low, high):  # arXiv 2602.04879
    p, q, a = b["log_p"].detach().exp(), b["log_p_rollout"].exp(), b["advantage"]
    if divergence == "tv":
        moved = (p - q).abs()
    else:
        moved = q * (b["log_p_rollout"] - b["log_p"].detach()) + (1 - q) * ((1 - q) / (1 - p)).log()
    keep = torch.where(a > 0, (p <= q) | (moved <= high), (p > q) | (moved <= low)).double()
    return token_mean(b, -(b["log_p"] - b["log_p_rollout"]).exp() * a * keep)


def dro(b):  # arXiv 2405.19107, eq. 6
    return token_mean(b, -(b["log_p"] * b["advantage"] - 0.35 * (b["log_p"] - b["log_p_old"]) ** 2))


def band_cispo(b):  # arXiv 2506.13585, eq. 4, with verl's bounds
    return token_mean(b, -ratio(b).clamp(0.85, 1.25).detach() * b["advantage"] * b["log_p"])


def two_sided(b):  # arXiv 2505.07291, eq. 2
    r, a = ratio(b), b["advantage"]
    return token_mean(b, -torch.min(r.clamp(max=1.3) * a, r.clamp(0.8, 1.2) * a))


def value_loss(b):  # arXiv 1707.06347, eq. 9, clipped as in the authors' code
    v, old, target = b["value"], b["value_old"], b["return_"]
    bounded = torch.max(torch.min(v, old + 0.2), old - 0.2)
    return 0.7 / 2 * token_mean(b, torch.max((v - target) ** 2, (bounded - target) ** 2))


def positive_nll(b):  # arXiv 2504.05118, eq. 10
    rows = (b["reward"] > 0).double() * b["counts"]
    return 0.1 * -(b["log_p"] * rows).sum() / rows.sum()


def kl(b, name):
    delta = b["log_p"] - b["log_p_ref"]
    k1, k2, k3 = delta, delta**2 / 2, (-delta).exp() - 1 + delta
    through = lambda value: value.detach() + k2 - k2.detach()
    weight = {"importance": ratio(b), "score": (b["log_p"] - b["log_p"].detach()).exp()}
    return 0.3 * token_mean(b, {
        "k2": k2, "k3": k3, "k1+": through(k1), "k3+": through(k3), "importance k1": weight["importance"] * k1,
        "importance k2": weight["importance"] * k2, "score k1": weight["score"] * k1,
        "score k3": weight["score"] * k3}[name])


def opsm_geometric(b, kind):
    """DeepSeek-V3.2's off-policy sequence mask, and verl's rejection by the geometric mean of rho."""
    token = clipped({**b, "advantage": b["of_sequence"]})
    kept = []
    for rows, p, old, rollout, a in sequences(b, torch.arange(N), b["log_p"], b["log_p_old"], b["log_p_rollout"],
                                              b["of_sequence"]):
        if len(rows) and kind == "opsm" and (a[0] >= 0 or (rollout - p.detach()).mean() <= 0.05):
            kept.append(rows)
        if len(rows) and kind == "geometric" and 0.95 <= (old - rollout).mean().exp() <= 1.05:
            kept.append(rows)
    keep = torch.zeros(N)
    keep[torch.cat(kept)] = 1
    return token_mean(b, token * keep)


CASES = {
    "dual_clip": dual_clip, "clip_cov": clip_cov, "kl_cov": kl_cov, "geo_mean": geo_mean, "gspo_token": gspo_token,
    "gpg": gpg, "dppo_tv": lambda b: dppo(b, "tv", 0.05, 0.1), "dppo_kl": lambda b: dppo(b, "kl", 0.02, 0.03),
    "dro": dro, "band_cispo": band_cispo, "two_sided": two_sided, "value_loss": value_loss,
    "positive_nll": positive_nll, "opsm": lambda b: opsm_geometric(b, "opsm"),
    "geometric_mask": lambda b: opsm_geometric(b, "geometric"),
    **{"kl " + name: (lambda b, name=name: kl(b, name)) for name in
       ("k2", "k3", "k1+", "k3+", "importance k1", "importance k2", "score k1", "score k3")},
}


def run(batch, loss_of):
    b = {**batch, "log_p": batch["log_p"].clone().requires_grad_(), "value": batch["value"].clone().requires_grad_()}
    loss = loss_of(b)
    grads = torch.autograd.grad(loss, [b["log_p"], b["value"]], allow_unused=True)
    d_log_p, d_value = (torch.zeros(N) if g is None else g for g in grads)
    return {"loss": loss.item(), "d_log_p": d_log_p.tolist(), "d_value": d_value.tolist()}


def around(values):
    return [torch.tensor(v + step, requires_grad=True) for v in values for step in (-1e-12, 0.0, 1e-12)]


def kinks():
    """Losses and derivatives on and beside every kink; bounds are exact in binary."""
    out = {"dual_clip": [], "two_sided": [], "value_loss": [], "geometric": []}
    for r in around((0.5, 1.0, 1.5, 2.0, 3.0)):
        for a in (1.0, -1.0, 0.0):
            plain = -torch.min(r * a, r.clamp(0.5, 1.5) * a)
            loss = torch.min(torch.tensor(-2.0 * a), plain) if a < 0 else plain
            out["dual_clip"].append([r.item(), a, loss.item(), torch.autograd.grad(loss, r)[0].item()])
            loss = -torch.min(r.clamp(max=2.0) * a, r.clamp(0.5, 1.5) * a)
            out["two_sided"].append([r.item(), a, loss.item(), torch.autograd.grad(loss, r)[0].item()])
    for v in around((0.25, 0.5, 0.75, 1.0, 0.0)):
        for target in (0.0, 0.25, 0.5, 0.75, 1.0, 0.375):
            bounded = v.clamp(0.25, 0.75)  # around an old value of 0.5
            loss = torch.max((v - target) ** 2, (bounded - target) ** 2) / 2
            out["value_loss"].append([v.item(), target, loss.item(), torch.autograd.grad(loss, v)[0].item()])
    for x in around((-0.5, 0.0, 0.5)):
        for a in (1.0, -1.0):
            loss = a * torch.min(a * x, a * x.clamp(-0.5, 0.5))
            out["geometric"].append([x.item(), a, loss.item(), torch.autograd.grad(loss, x)[0].item()])
    return out


def quantiles():
    out = []
    for n in (1, 2, 7, 50, 101):
        values = torch.randn(n, generator=generator).abs()
        if n == 50:
            values[10:30] = values[3]  # many are equal
        for fraction in (0.0, 0.01, 0.2, 0.37, 0.5, 0.99):
            threshold = torch.quantile(values, 1 - fraction)
            out.append({"values": values.tolist(), "fraction": fraction,
                        "selected": (values >= threshold).long().tolist()})
    return out


def covariances(batch):
    """KL-Cov's choice: topk of the covariance of advantage and log-prob over the tokens that count."""
    rows = batch["counts"].nonzero().flatten()
    a, p = batch["advantage"][rows], batch["log_p"][rows]
    cov = (a - a.mean()) * (p - p.mean())
    return {"rows": rows.tolist(), "cov": cov.tolist(),
            "top": {k: sorted(rows[torch.topk(cov, k).indices].tolist()) for k in (1, 4, 10)}}


if __name__ == "__main__":
    columns = make_batch()
    data = {"lengths": LENGTHS, **{name: column.tolist() for name, column in columns.items()},
            "cases": {name: run(columns, loss_of) for name, loss_of in CASES.items()}, "kinks": kinks(),
            "quantiles": quantiles(), "covariances": covariances(columns)}
    with open("tests/data/objective/published.json", "w") as file:
        json.dump(data, file, separators=(",", ":"))
        file.write("\n")
