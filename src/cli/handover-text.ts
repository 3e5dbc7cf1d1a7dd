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
    yield* below(node, 1, place, ASKED.test(node.path));
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

function* below(node: HandoverNode, level: number, place: Place, isAsked = false): Iterable<string> {
  const { options } = place;
  if (level >= options.depth || (!isAsked && isTold(node, options))) return;
  if (node.isList) {
    yield* elements(node, '', level, place);
    return;
  }
  const children = [...node.children()].filter((child) => isAsked || !isSaid(node, child, options));
  const width = Math.max(
    0,
    ...children.filter((child) => child.count === 0).map((child) => child.label.length),
  );
  for (const child of children) {
    // A list of things needs no line of its own: each of its elements bears its name.
    if (child.isList && child.count > 0 && level < options.depth) {
      if (WORDS.has(child.label)) {
        yield* words(child, level, place);
        continue;
      }
      yield* elements(child, child.label, level, place);
      continue;
    }
    yield line(child, child.label, level, child.count === 0 ? width : 0, place);
    yield* below(child, level + 1, place);
  }
}

function* elements(node: HandoverNode, name: string, level: number, place: Place): Iterable<string> {
  const { options } = place;
  if (name === 'because') {
    yield* reasons(node, level, place);
    return;
  }
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

/** Sentences, which are wrapped instead of cut. */
function* reasons(node: HandoverNode, level: number, place: Place): Iterable<string> {
  const { style, columns } = place.options;
  const start = `${gutter(undefined, place)}${'  '.repeat(level)}`;
  const used = (place.digits === 0 ? 0 : place.digits + 2) + 2 * level + 9;
  let label = style.name('because');
  for (const { value } of node.children())
    for (const text of wrap(String(value), Math.max(24, columns - used))) {
      yield `${start}${label}  ${style.dim(text)}`;
      label = ' '.repeat(7);
    }
}

/** Lists of registers and masks: one after the other, as a line of numbers. */
const WORDS: ReadonlySet<string> = new Set(['rbar', 'config_space', 'context_tables_bitmap']);

function* words(node: HandoverNode, level: number, place: Place): Iterable<string> {
  const { style, columns } = place.options;
  const start = `${gutter(undefined, place)}${'  '.repeat(level)}`;
  const { label } = node;
  const used = (place.digits === 0 ? 0 : place.digits + 2) + 2 * level + label.length + 2;
  const texts = [...node.children()].map(({ value }) =>
    typeof value === 'number' || typeof value === 'bigint' ? `0x${value.toString(16)}` : String(value),
  );
  let shown = style.name(label);
  for (const text of wrap(texts.join(' '), Math.max(24, columns - used))) {
    yield `${start}${shown}  ${text}`;
    shown = ' '.repeat(label.length);
  }
}

/** Whether the line of a node says all that its children would. */
function isTold(node: HandoverNode, { all }: HandoverTextOptions): boolean {
  if (all) return false;
  // The line of an FLB says all unless its data leads to something; that of a test FLB does not.
  if (/\.flbs\[\d+\]$/.test(node.path))
    return [...node.children()].every(({ count, label }) => count === 0 || label === 'test');
  return /\.(folios|ranges)\[\d+\]$|\.iommu\.(iommus|devices)\[\d+\]$|\.iommu\.root$|\.tables\.mappings\[\d+\]$|\.pci\.devices\[\d+\]$|\.hwpts\[\d+\]$|\.kvm_vcpu$|\.mem_attrs\[\d+\]$|\.hstates\[\d+\]$|(^|\.)scratch\[\d+\]$|\.nodes\.[^.]+$|\.entries\.memblock\.[^.]+$|^entries\.memblock\.[^.]+$/.test(
    node.path,
  );
}

/** Whether a child is in the line of its parent already. */
function isSaid(node: HandoverNode, child: HandoverNode, { all, depth }: HandoverTextOptions): boolean {
  if (all || depth === 1) return false;
  // Of a domain that is the part that its line cannot say.
  if (/\.iommu\.domains\[\d+\]$/.test(node.path)) return child.label !== 'tables';
  if (/\.(tables|iommufd)$/.test(node.path) && child.isList && child.count === 0) return true;
  if (WHOLE.find(([where]) => where.test(node.path))?.[1].includes(child.label) === true) return true;
  if (child.count > 0) return false;
  const names = IN_LINE.find(([where]) => where.test(node.path))?.[1];
  return names?.includes(child.label) ?? false;
}
const IN_LINE: readonly (readonly [RegExp, readonly string[]])[] = [
  [/(^|\.)preserved$/, ['pages', 'bytes']],
  [/\.sessions\[\d+\]$/, ['name', 'files', 'files_incomplete']],
  [/\.files\[\d+\]$/, ['compatible', 'token', 'data']],
  [/\.flbs\[\d+\]$/, ['name', 'data', 'count']],
  [/\.iommu$/, ['profile', 'candidates']],
  [/\.memfd$/, ['pos', 'size', 'seals', 'flags', 'nr_folios', 'folios']],
  [/(^|\.)entries\.memblock$/, ['compatible']],
  [/(^|\.)entries\.LUO$/, ['compatible', 'liveupdate_num', 'sessions_incomplete', 'flbs_incomplete']],
];

/** Parts that are in the line of what they belong to, lists and objects among them. */
const WHOLE: readonly (readonly [RegExp, readonly string[]])[] = [
  [/\.iommu$/, ['root', 'candidates']],
  [/\.tables$/, ['format', 'confidence', 'bytes', 'preserved', 'levels', 'sizes', 'complete']],
  [/\.pci$/, ['profile', 'because', 'runner_up', 'version', 'max_nr_devices', 'nr_devices']],
  [/\.vfio$/, ['profile', 'because', 'runner_up', 'bdf', 'domain', 'reset_works', 'iommufd_ser', 'address']],
  [/\.iommufd$/, ['profile', 'because', 'runner_up', 'nr_hwpts', 'folio']],
  [
    /\.kvm_vm$/,
    ['profile', 'because', 'runner_up', 'type', 'type_name', 'private_memory', 'nr_mem_attrs', 'phys'],
  ],
  [/\.pci_saved_state\.caps\[\d+\]$/, ['cap_nr', 'cap_extended', 'size']],
  [/\.guest_memfd$/, ['size', 'flags', 'nr_folios', 'vm_token']],
  [/\.huge_memfd$/, ['size', 'pos', 'nr_folios', 'order']],
  [/\.hugetlb$/, ['nr_hstates']],
  [/\.eventfd$/, ['count', 'flags']],
  [/\.dmabuf$/, ['domain', 'bdf', 'address']],
];

/** Parts that are a line in a tree: who asks for one of them wants to see what it is made of. */
const ASKED =
  /\.(iommu|pci|vfio|iommufd|kvm_vm|kvm_vcpu|guest_memfd|huge_memfd|hugetlb|eventfd|dmabuf)($|\.)/;

/** Lines that are broken between their parts where they are too long, because each of them counts. */
const BROKEN = /\.(iommu|vfio|iommufd|kvm_vm|kvm_vcpu|guest_memfd)\b[^.]*($|\.)/;

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
  const cut = options.all || text.length <= room ? text : shortened(node.path, text, room, used);
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

function shortened(path: string, text: string, room: number, used: number): string {
  if (!BROKEN.test(path)) return `${text.slice(0, room - 1)}…`;
  const lines: string[] = [];
  for (const part of text.split(/(?<=,) /)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + part.length <= room)
      lines[lines.length - 1] = `${last} ${part}`;
    else lines.push(part);
  }
  return lines
    .map((each) => (each.length <= room ? each : `${each.slice(0, room - 1)}…`))
    .join(`\n${' '.repeat(used)}`);
}

function gutter(address: bigint | undefined, { digits, options }: Place): string {
  if (digits === 0) return '';
  const text = address === undefined ? '' : address.toString(16).padStart(digits, '0');
  return `${options.style.dim(text.padEnd(digits))}  `;
}
