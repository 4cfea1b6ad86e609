// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace open_rs {

/// The page's script. It draws; it loads nothing.
inline constexpr std::string_view report_script = R"js(
'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const $ = id => document.getElementById(id);
const el = (tag, attributes = {}, ...children) => {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(attributes)) key === 'class' ? node.className = value : node.setAttribute(key, value);
  node.append(...children);
  return node;
};
const svg = (tag, attributes = {}) => {
  const node = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
};
const dashes = ['', '7 3', '2 3', '9 3 2 3', '12 4', '4 2'];
const style = i => `stroke: var(--s${i % 6}); stroke-dasharray: ${dashes[Math.floor(i / 6 + i) % 6] || 'none'}`;
const number = v => v === null || v === undefined || Number.isNaN(v) ? '-' : v === 0 ? '0' :
  Math.abs(v) >= 1e5 || Math.abs(v) < 1e-3 ? v.toExponential(2) : Math.abs(v) >= 100 ? v.toFixed(0) : Number(v.toPrecision(4)).toString();
const runs = data.runs, shown = runs.map(() => true);

$('title').textContent = data.title;
const trained = runs.filter(r => Object.keys(r.metrics).length);
const lastStep = r => Math.max(...Object.values(r.metrics).map(s => s[s.length - 1][0]));
$('subtitle').textContent = trained.length ? trained.map(r => `${r.name}: ${lastStep(r)} steps`).join(', ') : 'evaluations only';
runs.forEach((run, i) => {
  const box = el('input', {type: 'checkbox', checked: ''});
  const sample = svg('svg', {width: 28, height: 10, 'aria-hidden': 'true'});
  sample.append(svg('line', {x1: 0, x2: 28, y1: 5, y2: 5, style: style(i) + '; stroke-width: 2.5'}));
  box.addEventListener('change', () => { shown[i] = box.checked; drawAll(); });
  $('legend').append(el('li', {}, el('label', {}, box, sample, run.name)));
});

// Charts: [title, metric names that it may have, note, what a unit of the axis is].
const wanted = [
  ['Reward', ['reward'], 'weighted sum'], ['Accuracy', ['rewards/accuracy/mean', 'rewards/accuracy', 'rewards/exact_answer/mean'], 'of sampled completions'],
  ['Accuracy on test sets', ['eval/pass@1'], 'pass@1, mean of the sets'],
  ['Completion length', ['completions/mean_length', 'completion_length'], 'tokens'], ['Truncated', ['completions/clipped_ratio'], 'share of completions'],
  ['KL to the start', ['kl'], 'nats a token'], ['Entropy', ['entropy'], 'nats a token'], ['Clipped tokens', ['clip_ratio/region_mean', 'clip_ratio'], 'share'],
  ['Ratio one, mean', ['sampling/sampling_logp_difference/mean'], '|sampler - trainer|, nats'], ['Ratio one, largest', ['sampling/sampling_logp_difference/max'], '|sampler - trainer|, nats'],
  ['Tokens a second', ['tokens_per_second'], 'completions'], 
  ['Memory of sampling', ['timing/gather_peak_bytes'], 'peak, GiB', 2 ** 30], ['Memory of updates', ['timing/update_peak_bytes'], 'peak, GiB', 2 ** 30],
  ['Groups without a signal', ['frac_reward_zero_std'], 'share'], ['Loss', ['loss'], ''], ['Gradient norm', ['grad_norm'], 'before clipping'], ['Learning rate', ['learning_rate'], '']];
const names = [...new Set(runs.flatMap(r => Object.keys(r.metrics)))].sort();
const used = new Set(), charts = [];
const smooth = points => {
  const keep = Number($('smooth').value);
  let mean = null;
  return points.map(([x, y]) => { mean = mean === null ? y : keep * mean + (1 - keep) * y; return [x, mean]; });
};
const nice = (low, high, count) => {
  const raw = (high - low) / count, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map(m => m * power).find(s => s >= raw * 0.999);
  const ticks = [];
  for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + step * 1e-9; v += step) ticks.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return ticks;
};
const addChart = (home, title, metrics, note, unit = 1) => {
  const read = el('div', {class: 'read', 'aria-live': 'off'});
  const image = svg('svg', {class: 'chart', viewBox: '0 0 400 210', role: 'img'});
  image.setAttribute('aria-label', title);
  home.append(el('div', {class: 'card'}, el('header', {}, el('h3', {}, title), el('span', {class: 'note'}, note)), image, read));
  charts.push({image, read, metrics, title, unit});
};
const seriesOf = (run, {metrics, unit}) => { const name = metrics.find(m => run.metrics[m]); return name ? run.metrics[name].map(([x, y]) => [x, y / unit]) : null; };
const draw = chart => {
  const {image, read} = chart, left = 50, right = 392, top = 10, bottom = 184;
  image.replaceChildren();
  const lines = runs.map((run, i) => ({i, run, points: shown[i] ? seriesOf(run, chart) : null})).filter(l => l.points && l.points.length);
  if (!lines.length) { read.textContent = 'no shown run has it'; return; }
  const xs = lines.flatMap(l => l.points.map(p => p[0])), ys = lines.flatMap(l => l.points.map(p => p[1]));
  let [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  if (x1 === x0) { x0 -= 1; x1 += 1; }
  if (y1 === y0) { const room = Math.abs(y0) * 0.1 || 1; y0 -= y0 === 0 ? 0 : room; y1 += room; }
  const room = (y1 - y0) * 0.06; y1 += room; if (y0 !== 0) y0 = y0 > 0 && y0 < room * 4 ? 0 : y0 - room;
  const X = v => left + (v - x0) / (x1 - x0) * (right - left), Y = v => bottom - (v - y0) / (y1 - y0) * (bottom - top);
  for (const v of nice(y0, y1, 5)) {
    image.append(svg('line', {class: 'axis', x1: left, x2: right, y1: Y(v), y2: Y(v)}));
    const text = svg('text', {x: left - 6, y: Y(v) + 4, 'text-anchor': 'end'}); text.textContent = number(v); image.append(text);
  }
  for (const v of nice(x0, x1, 5).filter(Number.isInteger)) {
    const text = svg('text', {x: X(v), y: bottom + 18, 'text-anchor': 'middle'}); text.textContent = v; image.append(text);
  }
  const path = points => 'M' + points.map(([x, y]) => X(x).toFixed(1) + ' ' + Y(y).toFixed(1)).join('L');
  for (const l of lines) {
    if (Number($('smooth').value) > 0) image.append(svg('path', {class: 'raw', d: path(l.points), style: `stroke: var(--s${l.i % 6})`}));
    if (l.points.length === 1) image.append(svg('circle', {cx: X(l.points[0][0]), cy: Y(l.points[0][1]), r: 3, style: `fill: var(--s${l.i % 6})`}));
    image.append(svg('path', {d: path(smooth(l.points)), style: style(l.i)}));
  }
  const rule = svg('line', {class: 'axis', y1: top, y2: bottom, x1: -9, x2: -9});
  image.append(rule);
  const say = step => {
    read.textContent = (step === null ? 'last: ' : `step ${step}: `) + lines.map(l => {
      const at = step === null ? l.points[l.points.length - 1] : l.points.reduce((a, b) => Math.abs(b[0] - step) < Math.abs(a[0] - step) ? b : a);
      return (lines.length > 1 ? l.run.name + ' ' : '') + number(at[1]);
    }).join(', ');
  };
  say(null);
  image.onpointermove = event => {
    const box = image.getBoundingClientRect(), x = (event.clientX - box.left) / box.width * 400;
    const step = Math.round(x0 + Math.min(1, Math.max(0, (x - left) / (right - left))) * (x1 - x0));
    rule.setAttribute('x1', X(step)); rule.setAttribute('x2', X(step)); say(step);
  };
  image.onpointerleave = () => { rule.setAttribute('x1', -9); rule.setAttribute('x2', -9); say(null); };
};
const drawAll = () => charts.forEach(draw);
const absent = [];
if (trained.length) {
  const main = wanted.slice(0, 3).concat(names.filter(n => /^rewards\/.*\/mean$/.test(n) && !wanted[1][1].includes(n)).map(n => [n.split('/')[1], [n], 'reward, mean']), wanted.slice(3));
  for (const [title, metrics, note, unit] of main) {
    const there = metrics.find(m => names.includes(m));
    if (!there) { absent.push(title.toLowerCase()); continue; }
    metrics.forEach(m => used.add(m));
    addChart($('charts'), title, metrics, note, unit);
  }
  if (absent.length) $('absent').textContent = 'Not recorded by these runs: ' + absent.join(', ') + '.' + (absent.some(a => a.startsWith('memory')) ? ' train --profile records memory.' : '');
  const others = names.filter(n => !used.has(n));
  others.forEach(n => addChart($('others'), n, [n], ''));
  if (!others.length) $('rest').remove();
  $('smooth').addEventListener('input', drawAll);
  drawAll();
} else $('training').remove();

// Tables. A row is a list of cells, the first one its name.
const table = (caption, head, rows, own = () => false, decimals = false) => {
  const body = el('tbody', {}, ...rows.map(row => el('tr', own(row) ? {class: 'own'} : {}, ...row.map(c => el('td', {}, c === null || c === undefined ? '-' : typeof c === 'number' ? (Number.isInteger(c) && !decimals ? String(c) : c.toFixed(1)) : c)))));
  return el('div', {class: 'scroll', tabindex: '0'}, el('table', {}, el('caption', {}, caption), el('thead', {}, el('tr', {}, ...head.map(h => el('th', {scope: 'col'}, h)))), body));
};
const percent = v => v === null || v === undefined ? '-' : (100 * v).toFixed(1);
const evaluations = runs.flatMap(r => r.evaluations);
if (evaluations.length)
  $('own').append(table('These runs, in percent', ['run, test set', 'problems', 'n', 'pass@1', '+- s.e.', '95 %', 'strict', 'maj@n', 'pass@k', 'length', 'truncated'], evaluations.map(e => [
    `${e.run}, ${evaluations.some(x => x !== e && x.run === e.run && x.file === e.file) ? e.folder + '/' : ''}${e.file}`, e.problems, e.n, percent(e['pass@1']), percent(e.se), `${percent(e.ci95[0])} to ${percent(e.ci95[1])}`, e.strict ? percent(e.strict['pass@1']) : '-',
    percent(e['maj@n']), Object.entries(e['pass@k']).filter(([k]) => k !== '1').map(([k, v]) => `${k}: ${percent(v)}`).join(', ') || '-', number(e.mean_length) + (e.length_unit === 'tokens' ? '' : ' chars'), percent(e.truncated)])));
const paper = data.paper, kinds = [['AIME24', /aime.?(20)?24/i], ['MATH-500', /math.?500/i], ['AMC23', /amc/i], ['Minerva', /minerva/i], ['OlympiadBench', /olympiad/i]];
// A file such as test.jsonl goes by the name of its folder.
const isKind = (e, pattern) => pattern.test(e.file) || (!kinds.some(([, p]) => p.test(e.file)) && pattern.test(e.folder ?? ''));
// A run's test sets stand in one row, also those in folders of its own, unless it has one of them twice.
const rowsOf = r => kinds.every(([, p]) => r.evaluations.filter(e => isKind(e, p)).length <= 1) ? [[r.name, r.evaluations]] :
  [...new Set(r.evaluations.map(e => e.run))].map(name => [name, r.evaluations.filter(e => e.run === name)]);
const ours = runs.flatMap(rowsOf).map(([name, list]) => {
  const cells = kinds.map(([, pattern]) => { const e = list.find(x => isKind(x, pattern)); return e ? Number(percent(e['pass@1'])) : null; });
  return [name + ' (this report)', ...cells, cells.some(c => c === null) ? null : Number((cells.reduce((a, b) => a + b) / 5).toFixed(1))];
}).filter(row => row.slice(1).some(c => c !== null));
const isOwn = row => /\(this report\)$/.test(row[0]);
$('paper').append(
  el('p', {class: 'warn'}, 'Read single numbers with care. The 46.7 of Open-RS3 on AIME24 is one sample of each of 30 problems on one kind of GPU (standard error about 9 points): the authors measured 23.3 with the same weights and seed on another GPU, and others between 23.3 and 30.9. The checkpoints were chosen on these test sets. Compare means over several samples against the base model under one protocol.'),
  table('Paper, table 1 (pass@1 in percent, one sample)', ['model', ...paper.tasks, 'mean'], [...ours, ...paper.table1], isOwn, true),
  table('The same checkpoints measured again', ['who', ...paper.tasks], [...ours.map(r => r.slice(0, 6)), ...paper.remeasured], isOwn, true),
  el('details', {}, el('summary', {}, 'Checkpoints of the paper, and what training cost'),
    table('Checkpoints: accuracy in percent, mean generated tokens', ['experiment, step', 'AIME24', 'MATH-500', 'AMC23', 'tokens AIME24', 'tokens MATH-500', 'tokens AMC23'], paper.checkpoints.map(r => [`experiment ${r[0]}, step ${r[1]}`, ...r.slice(2, 5).map(v => v.toFixed(1)), ...r.slice(5)])),
    table('Mean tokens of an AIME24 answer (Step-GRPO, AAAI-26)', ['model', 'tokens'], paper.aime_tokens),
    table('Cost as the paper gives it', ['model', 'samples', 'GPUs', 'hours', 'dollars'], paper.cost)));

// Completions, token by token where they were recorded.
const withCompletions = runs.filter(r => r.completions.length);
const detail = c => {
  const chips = Object.entries(c.rewards || {}).map(([name, v]) => el('span', {class: 'chip'}, `${name} ${v === null ? 'declined' : number(v)}`));
  if (c.advantage !== undefined) chips.push(el('span', {class: 'chip'}, 'advantage ' + number(c.advantage)));
  chips.push(el('span', {class: 'chip'}, `${c.tokens ?? '?'} tokens, ${c.finish === 'length' ? 'truncated' : 'ended'}`));
  const text = el('pre');
  if (c.pieces) for (const [piece, logp] of c.pieces) {
    const t = el('span', {class: 't', title: `log-prob ${logp.toFixed(3)}, probability ${Math.exp(logp).toFixed(3)}`}, piece);
    const strength = Math.min(1, -logp / 5);
    if (strength > 0.02) t.style.background = `color-mix(in srgb, var(--s1) ${(strength * 55).toFixed(0)}%, transparent)`;
    text.append(t);
  } else text.textContent = c.completion;
  $('detail').replaceChildren(el('div', {class: 'label'}, 'Problem'), el('pre', {}, c.prompt), el('div', {class: 'label'}, 'Gold'), el('pre', {}, c.gold || '-'),
    el('div', {class: 'label'}, 'Rewards'), el('div', {class: 'chips'}, ...chips), el('div', {class: 'label'}, c.pieces ? 'Completion (shade: how unlikely each token was)' : 'Completion (train --record keeps log-probs of tokens)'), text);
};
const listCompletions = () => {
  const run = withCompletions[$('run').value], step = Number($('step').value);
  const buttons = run.completions.filter(c => c.step === step).map(c => {
    const total = Object.entries(c.rewards || {}).map(([, v]) => number(v)).join(' / ');
    const button = el('button', {type: 'button', 'aria-pressed': 'false'}, el('span', {class: 'top'}, el('span', {}, `problem ${c.problem}`), el('span', {}, total)), el('span', {class: 'text'}, c.completion.slice(-80)));
    button.addEventListener('click', () => { buttons.forEach(b => b.setAttribute('aria-pressed', String(b === button))); detail(c); });
    return button;
  });
  $('list').replaceChildren(...buttons);
  if (buttons.length) buttons[0].click();
};
const listSteps = () => {
  const steps = [...new Set(withCompletions[$('run').value].completions.map(c => c.step))];
  $('step').replaceChildren(...steps.map(s => el('option', {value: s}, s)));
  $('step').value = steps[steps.length - 1];
  listCompletions();
};
if (withCompletions.length) {
  $('run').append(...withCompletions.map((r, i) => el('option', {value: i}, r.name)));
  $('run').addEventListener('change', listSteps);
  $('step').addEventListener('change', listCompletions);
  listSteps();
} else $('completions').remove();
document.documentElement.dataset.ready = '1';
)js";

}  // namespace open_rs
