/** The bytes as people read them: every one with its place, a row for each field, long repetitions folded. */
import { pathText } from '../codec/index.js';
import type { ByteRange } from '../state/index.js';
import type { Style } from './style.js';

export interface HexdumpOptions {
  readonly style: Style;
  /** Bytes in a row. */
  readonly width: number;
  readonly digits: number;
  /** Characters in a line, for cutting labels; undefined for as many as there are. */
  readonly columns: number | undefined;
  /** Repeated rows in full. */
  readonly all: boolean;
  /** Where the first of the bytes is, if it is not at 0. */
  readonly base?: bigint;
}

/** Rows from this number of equal ones on are folded. */
const FOLD = 3;

/** The rows of those ranges, in order. */
export function* hexdumpText(
  bytes: Uint8Array,
  ranges: Iterable<ByteRange>,
  options: HexdumpOptions,
): Generator<string> {
  const { style, width, digits } = options;
  const colors = style.cycle;
  let color = 0;
  let shown = -1;
  for (const range of ranges) {
    const isField = range.kind === 'field';
    const paint = isField ? (colors[color++ % colors.length] ?? style.value) : style.kind[range.kind];
    const end = range.offset + range.size;
    // Bit-fields share bytes, and the members of a union do: bytes are shown once.
    const from = Math.max(range.offset, shown);
    const label = labelText(range, options, paint);
    if (from >= end) {
      yield row(style.dim(' '.repeat(digits)), '', '', label, width);
      continue;
    }
    shown = end;
    yield* rows(bytes, from, end, label, paint, options);
  }
}

function* rows(
  bytes: Uint8Array,
  from: number,
  end: number,
  label: string,
  paint: (text: string) => string,
  options: HexdumpOptions,
): Generator<string> {
  const { style, width, digits } = options;
  for (let at = from; at < end; ) {
    const next = Math.min(end, at + width);
    yield row(
      style.dim(((options.base ?? 0n) + BigInt(at)).toString(16).padStart(digits, '0')),
      hexCells(bytes, at, next, paint),
      asciiCells(bytes, at, next, paint),
      at === from ? label : '',
      width,
      next - at,
    );
    const equal = options.all ? 0 : equalRows(bytes, at, end, width);
    if (equal >= FOLD) {
      yield style.dim(`${'*'.padStart(digits)}  ${equal} more rows like this, ${equal * width} bytes`);
      at += equal * width;
    }
    at += width;
  }
}

/** How many whole rows after the one at an offset hold the same bytes. */
function equalRows(bytes: Uint8Array, at: number, end: number, width: number): number {
  let same = at + width;
  while (same < end && bytes[same] === bytes[same - width]) same++;
  return Math.floor((same - at - width) / width);
}

function row(offset: string, hex: string, ascii: string, label: string, width: number, count = 0): string {
  const hexSpace = ' '.repeat(3 * width - (count === 0 ? 0 : 3 * count - 1) + 1);
  const asciiSpace = ' '.repeat(width - count + 2);
  const line = `${offset}  ${hex}${hexSpace}${ascii}${asciiSpace}${label}`;
  return label === '' ? line.trimEnd() : line;
}

function hexCells(bytes: Uint8Array, from: number, to: number, paint: (text: string) => string): string {
  const cells: string[] = [];
  for (let i = from; i < to; i++) cells.push((bytes[i] ?? 0).toString(16).padStart(2, '0'));
  return paint(cells.join(' '));
}
function asciiCells(bytes: Uint8Array, from: number, to: number, paint: (text: string) => string): string {
  let text = '';
  for (let i = from; i < to; i++) {
    const byte = bytes[i] ?? 0;
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
  }
  return paint(text);
}

function labelText(range: ByteRange, options: HexdumpOptions, paint: (text: string) => string): string {
  const { style, columns, width, digits } = options;
  const path = pathText(range.path);
  const bits = range.bits === undefined ? '' : ` bit ${range.bits.first}+${range.bits.count}`;
  const name = range.kind === 'field' ? path : `${path}${path === '' ? '' : ' '}${KIND_TEXT[range.kind]}`;
  const room = columns === undefined ? Number.POSITIVE_INFINITY : columns - digits - 4 * width - 5;
  const value = range.text;
  const plain = `${name}${bits}`;
  const left = room - plain.length - 2;
  const cut = value.length <= left ? value : left < 8 ? '' : `${value.slice(0, left - 1)}…`;
  return `${paint(name)}${bits === '' ? '' : style.dim(bits)}${cut === '' ? '' : `  ${cut}`}`;
}

const KIND_TEXT: Readonly<Record<ByteRange['kind'], string>> = {
  field: '',
  padding: '(padding)',
  reserved: '(reserved)',
  tail: '(unused)',
  unknown: '(not understood)',
};
