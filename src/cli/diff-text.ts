/** Differences as people read them: a line each, what is alike folded. */
import { toHex } from '../codec/index.js';
import {
  type ByteDifferences,
  type ContextEntry,
  type Diff,
  type Diffable,
  type Difference,
  type DifferenceKind,
  handoverNodeAt,
  handoverTree,
  nodeAt,
  sizeText,
} from '../state/index.js';
import { wrap } from './findings-text.js';
import type { Style } from './style.js';

export interface DiffTextOptions {
  readonly style: Style;
  readonly columns: number;
  /** All of what is alike. */
  readonly all: boolean;
}

/** Differences of one shape that are told one by one, unless all are asked for. */
const OF_ONE_SHAPE = 12;
/** The same of what cannot be compared, which is less to the point. */
const NOT_COMPARED = 3;
const BYTE_LINES = 32;

/** Both inputs, what their generations make differ, each difference, and how many there are. */
export function* diffText(
  diff: Diff,
  inputs: readonly [Diffable, Diffable],
  names: readonly [string, string],
  options: DiffTextOptions,
): Iterable<string> {
  const { style, columns } = options;
  for (const [i, input] of inputs.entries())
    yield `${style.dim(i === 0 ? 'A' : 'B')} ${style.title(names[i] ?? '')}: ${kindOf(input)}`;
  for (const entry of diff.context) yield* hanging(contextText(entry), `  ${style.dim('~')} `, columns);
  for (const note of diff.notes) yield* hanging(note, `  ${style.dim('~')} `, columns);
  const texts = textsOf(inputs);
  yield* folded(
    diff.differences.filter(({ kind }) => kind !== 'not-comparable'),
    OF_ONE_SHAPE,
    texts,
    options,
  );
  yield* folded(
    diff.differences.filter(({ kind }) => kind === 'not-comparable'),
    NOT_COMPARED,
    texts,
    options,
  );
  if (diff.omitted > 0) yield `  ${style.dim(`… and ${diff.omitted} more that were not kept`)}`;
  if (diff.bytes !== undefined) yield* bytesText(diff.bytes, options);
  yield verdict(diff, style);
}

function kindOf({ kind, state }: Diffable): string {
  if (kind === 'bytes') return `${state.reading.format}@${state.reading.generation}`;
  const generation = state.generation === undefined ? '' : `@${state.generation}`;
  const source = { memory: 'memory dump', debugfs: 'copy of debugfs', blob: 'blob' }[state.source];
  const abi = state.abi === undefined ? '' : `, ${state.abi.name}`;
  return `kho${generation}, ${source}${abi}`;
}

function verdict({ count, notComparable, equal, bytes }: Diff, style: Style): string {
  const rest = notComparable === 0 ? '' : `, ${plural(notComparable, 'part')} not comparable`;
  if (equal) return style.good(`no difference${rest}`);
  const meant = count === 0 ? 'no difference in meaning' : plural(count, 'difference');
  const raw =
    bytes === undefined
      ? ''
      : `, ${plural(bytes.differences.length + bytes.omitted, 'place')} with other bytes`;
  return style.title(`${meant}${raw}${rest}`);
}

function contextText({ what, path, a, b, count, onlyA, onlyB }: ContextEntry): string {
  const label = { generation: 'generation', machine: 'machine', summary: 'total' }[what];
  const where = path === '' ? '' : ` ${path}`;
  const times = count > 1 ? `, at ${count} places` : '';
  const only = [
    ...(onlyA.length === 0 ? [] : [`only A has ${onlyA.join(', ')}`]),
    ...(onlyB.length === 0 ? [] : [`only B has ${onlyB.join(', ')}`]),
  ];
  return `${label}${where}: ${plain(a)} → ${plain(b)}${times}${only.length === 0 ? '' : `; ${only.join('; ')}`}`;
}

/** Differences in their order; of those alike only the first are told. */
function* folded(
  differences: readonly Difference[],
  most: number,
  texts: Texts,
  options: DiffTextOptions,
): Iterable<string> {
  const told = new Map<string, number>();
  for (const difference of differences) {
    const shape = shapeOf(difference);
    const count = (told.get(shape) ?? 0) + 1;
    told.set(shape, count);
    if (options.all || count <= most) yield* differenceText(difference, texts, options);
  }
  if (options.all) return;
  for (const [shape, count] of told) {
    if (count <= most) continue;
    const [kind = '', where = ''] = shape.split('\n');
    yield `  ${options.style.dim(`… ${count - most} more ${kind} like ${where === '' ? 'this' : where}: --all lists them`)}`;
  }
}

function shapeOf({ kind, shape }: Difference): string {
  return `${kind}\n${shape}`;
}

const SIGNS: Readonly<Record<DifferenceKind, string>> = {
  changed: '≠',
  added: '+',
  removed: '-',
  'not-comparable': '?',
};

function* differenceText(
  difference: Difference,
  texts: Texts,
  { style, columns, all }: DiffTextOptions,
): Iterable<string> {
  const { kind, path, because, bytes, spans } = difference;
  const paint = {
    changed: style.severity.warning,
    added: style.good,
    removed: style.severity.error,
    'not-comparable': style.dim,
  }[kind];
  const start = `  ${paint(SIGNS[kind])} ${style.name(path === '' ? 'the whole' : path)}`;
  const used = 4 + path.length + 2;
  const [a, b] = [texts.a(difference), texts.b(difference)];
  const cut = (text: string, room: number): string =>
    all || text.length <= room ? text : `${text.slice(0, Math.max(8, room - 1))}…`;
  if (kind === 'not-comparable') {
    const what = [
      ...(bytes === undefined ? [] : [sizeText(bytes)]),
      ...(because === undefined ? [] : [because]),
    ];
    yield* below(start, used, what.join(': '), columns, style);
  } else if (bytes !== undefined) {
    const [first] = spans;
    const from = first === undefined ? '' : `, from offset 0x${first.offset.toString(16)} on`;
    yield* below(start, used, `${sizeText(bytes)} in units that differ${from}`, columns, style);
  } else if (kind === 'changed') {
    const line = `${a} → ${b}${because === undefined ? '' : `, ${because}`}`;
    if (used + line.length <= columns) yield `${start}  ${line}`;
    else {
      yield start;
      yield `      ${style.dim('A')} ${cut(a, columns - 8)}`;
      yield `      ${style.dim('B')} ${cut(b, columns - 8)}`;
      if (because !== undefined) yield `      ${style.dim(because)}`;
    }
  } else {
    const text = kind === 'added' ? b : a;
    yield text === '' ? start : `${start}  ${style.dim(cut(text, Math.max(24, columns - used)))}`;
  }
}

/** Text behind what a line begins with, or wrapped below it where there is no room. */
function* below(start: string, used: number, text: string, columns: number, style: Style): Iterable<string> {
  if (used + text.length <= columns) {
    yield `${start}  ${style.dim(text)}`;
    return;
  }
  yield start;
  for (const line of wrap(text, columns - 6)) yield `      ${style.dim(line)}`;
}

function* hanging(text: string, start: string, columns: number): Iterable<string> {
  for (const [i, line] of wrap(text, columns - 4).entries()) yield `${i === 0 ? start : '    '}${line}`;
}

function* bytesText(
  { unit, differences, omitted }: ByteDifferences,
  { style, all }: DiffTextOptions,
): Iterable<string> {
  const shown = all ? differences : differences.slice(0, BYTE_LINES);
  if (differences.length > 0)
    yield style.title(unit === 'offset' ? 'bytes at the same offset' : 'pages at the same physical address');
  for (const { at, length, what, a, b } of shown) {
    const place = at.toString(16).padStart(8, '0');
    yield `  ${style.dim(place)}  ${sizeText(length)}${what === '' ? '' : `  ${style.name(what)}`}`;
    yield `            ${style.dim('A')} ${a === undefined ? 'nothing' : toHex(a)}`;
    yield `            ${style.dim('B')} ${b === undefined ? 'nothing' : toHex(b)}`;
  }
  const more = differences.length - shown.length + omitted;
  if (more > 0) yield `  ${style.dim(`… ${more} more${all ? ' that were not kept' : ': --all lists them'}`)}`;
}

interface Texts {
  a(difference: Difference): string;
  b(difference: Difference): string;
}

/** A line for what either side has: as its tree shows it, where it is in there. */
function textsOf([a, b]: readonly [Diffable, Diffable]): Texts {
  const [one, other] = [textAt(a), textAt(b)];
  return {
    a: ({ pathA, a: value }) => one(pathA, value),
    b: ({ pathB, b: value }) => other(pathB, value),
  };
}
function textAt({ kind, state }: Diffable): (path: string | undefined, value: unknown) => string {
  if (kind === 'bytes')
    return (path, value) => (path && textOrUndefined(() => nodeAt(state.root, path).text)) || plain(value);
  const root = handoverTree(state);
  return (path, value) => (path && textOrUndefined(() => handoverNodeAt(root, path).text)) || plain(value);
}
/** Names may have dots and brackets in them, which no path can tell. */
function textOrUndefined(read: () => string): string | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function plain(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (value instanceof Uint8Array)
    return value.length > 16
      ? `${toHex(value.subarray(0, 16))}… (${plural(value.length, 'byte')})`
      : toHex(value);
  if (typeof value === 'string') return JSON.stringify(value);
  return typeof value === 'object' ? '' : String(value);
}
function plural(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
