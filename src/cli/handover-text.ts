/** What was handed over as people read it: physical addresses at the left, long lists folded. */
import type { HandoverFinding } from '../formats/kho/index.js';
import type { HandoverNode, HandoverState } from '../state/index.js';
import { wrap } from './findings-text.js';
import type { Style } from './style.js';

export interface HandoverTextOptions {
  readonly style: Style;
  readonly columns: number;
  /** Levels below the node that are shown. */
  readonly depth: number;
  /** Long lists in full. */
  readonly all: boolean;
  /** C types and sizes. */
  readonly full: boolean;
  readonly findings: readonly HandoverFinding[];
}

/** What the input is, and why it was understood that way. */
export function* handoverHeader(
  state: HandoverState,
  name: string,
  style: Style,
  columns: number,
): Iterable<string> {
  const generation = state.generation === undefined ? '' : `@${state.generation}`;
  yield `${style.title(name)}: ${style.title(`kho${generation}`)}`;
  let before = '';
  for (const [label, text] of state.header) {
    const shown = label === before ? '' : label;
    before = label;
    for (const [i, line] of wrap(text, columns - 11).entries())
      yield `  ${style.dim((i === 0 ? shown : '').padEnd(8))} ${line}`;
  }
}

/** The children of a node, or the node itself where it has none, line by line. */
export function* handoverText(
  node: HandoverNode,
  state: HandoverState,
  options: HandoverTextOptions,
): Iterable<string> {
  const marks = new Map<string, HandoverFinding[]>();
  for (const finding of options.findings) {
    const known = marks.get(finding.path);
    if (known === undefined) marks.set(finding.path, [finding]);
    else known.push(finding);
  }
  const place: Place = { options, marks, digits: digitsOf(state) };
  if (node.path !== '' || node.count === 0) {
    yield line(node, node.path === '' ? node.label : node.path, 0, 0, place);
    yield* below(node, 1, place);
  } else yield* below(node, 0, place);
}

interface Place {
  readonly options: HandoverTextOptions;
  readonly marks: ReadonlyMap<string, readonly HandoverFinding[]>;
  readonly digits: number;
}

/** Digits of the addresses: those of all that was preserved. */
function digitsOf(state: HandoverState): number {
  let last = state.memory?.handover.root.address ?? 0n;
  for (const { address } of state.memory?.handover.value.preserved.ranges ?? [])
    if (address > last) last = address;
  for (const { address } of state.objects) if (address > last) last = address;
  return state.memory === undefined ? 0 : Math.max(8, last.toString(16).length);
}

function* below(node: HandoverNode, level: number, place: Place): Iterable<string> {
  const { options } = place;
  if (level >= options.depth || isTold(node, options)) return;
  if (node.isList) {
    yield* elements(node, '', level, place);
    return;
  }
  const children = [...node.children()].filter((child) => !isSaid(node, child, options));
  const width = Math.max(
    0,
    ...children.filter((child) => child.count === 0).map((child) => child.label.length),
  );
  for (const child of children) {
    // A list of things needs no line of its own: each of its elements bears its name.
    if (child.isList && child.count > 0 && level < options.depth) {
      yield* elements(child, child.label, level, place);
      continue;
    }
    yield line(child, child.label, level, child.count === 0 ? width : 0, place);
    yield* below(child, level + 1, place);
  }
}

function* elements(node: HandoverNode, name: string, level: number, place: Place): Iterable<string> {
  const { options } = place;
  const shown = options.all ? node.count : node.shown;
  let index = 0;
  for (const child of node.children()) {
    if (index++ >= shown) break;
    yield line(child, `${name}${child.label}`, level, 0, place);
    yield* below(child, level + 1, place);
  }
  if (shown >= node.count) return;
  const start = `${gutter(undefined, place)}${'  '.repeat(level)}`;
  const more = `… ${node.count - shown} more: --all shows them`;
  const next = `${more}, --path '${node.path}[${shown}]' the next`;
  const room = options.columns - 2 * level - (place.digits === 0 ? 0 : place.digits + 2);
  yield `${start}${options.style.dim(next.length <= room ? next : more)}`;
}

/** Whether the line of a node says all that its children would. */
function isTold(node: HandoverNode, { all }: HandoverTextOptions): boolean {
  if (all) return false;
  // The line of an FLB says all unless its data leads to something; that of a test FLB does not.
  if (/\.flbs\[\d+\]$/.test(node.path))
    return [...node.children()].every(({ count, label }) => count === 0 || label === 'test');
  return /\.(folios|ranges)\[\d+\]$|\.iommu\.(iommus|domains|devices)\[\d+\]$|\.iommu\.root$|(^|\.)scratch\[\d+\]$|\.nodes\.[^.]+$|\.entries\.memblock\.[^.]+$|^entries\.memblock\.[^.]+$/.test(
    node.path,
  );
}

/** Whether a child is in the line of its parent already. */
function isSaid(node: HandoverNode, child: HandoverNode, { all, depth }: HandoverTextOptions): boolean {
  if (all || child.count > 0 || depth === 1) return false;
  const names = IN_LINE.find(([where]) => where.test(node.path))?.[1];
  return names?.includes(child.label) ?? false;
}
const IN_LINE: readonly (readonly [RegExp, readonly string[]])[] = [
  [/(^|\.)preserved$/, ['pages', 'bytes']],
  [/\.sessions\[\d+\]$/, ['name', 'files', 'files_incomplete']],
  [/\.files\[\d+\]$/, ['compatible', 'token', 'data']],
  [/\.flbs\[\d+\]$/, ['name', 'data', 'count']],
  [/\.iommu$/, ['profile']],
  [/\.memfd$/, ['pos', 'size', 'seals', 'flags', 'nr_folios', 'folios']],
  [/(^|\.)entries\.memblock$/, ['compatible']],
  [/(^|\.)entries\.LUO$/, ['compatible', 'liveupdate_num', 'sessions_incomplete', 'flbs_incomplete']],
];

function line(node: HandoverNode, label: string, level: number, width: number, place: Place): string {
  const { options, marks } = place;
  const { style, columns } = options;
  const indent = '  '.repeat(level);
  const start = `${gutter(node.address, place)}${indent}${style.name(label)}`;
  const used =
    (place.digits === 0 ? 0 : place.digits + 2) + indent.length + Math.max(label.length, width) + 2;
  const { text } = node;
  const here = marks.get(node.path) ?? [];
  const room = Math.max(16, columns - used);
  const cut = options.all || text.length <= room ? text : `${text.slice(0, room - 1)}…`;
  const shown =
    cut === ''
      ? ''
      : `${' '.repeat(Math.max(0, width - label.length) + 2)}${node.count > 0 ? style.dim(cut) : style.value(cut)}`;
  const rules = new Map(here.map((finding) => [finding.rule, finding.severity]));
  const flags = [...rules].map(
    ([rule, severity]) => `  ${style.severity[severity](`◄ ${severity} ${rule}`)}`,
  );
  const type = options.full && node.type !== '' ? `  ${style.dim(node.type)}` : '';
  return `${start}${shown}${type}${flags.join('')}`;
}

function gutter(address: bigint | undefined, { digits, options }: Place): string {
  if (digits === 0) return '';
  const text = address === undefined ? '' : address.toString(16).padStart(digits, '0');
  return `${options.style.dim(text.padEnd(digits))}  `;
}
