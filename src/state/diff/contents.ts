/** Bytes compared piece by piece: holes read as zeros, and what a dump lacks is compared with nothing. */
import type { Content } from '../../formats/kho/index.js';
import { firstDifference, isZero } from './bytes-equal.js';
import type { ByteSpan } from './difference.js';

export interface ContentComparison {
  /** How many bytes differ, and the first stretches in which they do, widened to whole words of 512 bytes. */
  readonly changed: bigint;
  readonly spans: readonly ByteSpan[];
  /** Bytes that the one, the other or neither has. */
  readonly absentA: bigint;
  readonly absentB: bigint;
  readonly absentBoth: bigint;
  /** Why the first of them is absent. */
  readonly detail: string | undefined;
}

/** Stretches that are kept. */
const MAX_SPANS = 16;
/** Bytes that differ are looked for in units of so many; a difference tells the units. */
const UNIT = 512;

/** One of the two, of which a part of the current piece may be used up. */
class Pieces {
  readonly #pieces: Iterator<Content>;
  piece: Content | undefined;
  #used = 0n;

  constructor(pieces: Iterable<Content>) {
    this.#pieces = pieces[Symbol.iterator]();
    this.#next();
  }
  get left(): bigint {
    return this.piece === undefined ? 0n : this.piece.length - this.#used;
  }
  /** The bytes of a piece of data from here on; undefined for what reads as zeros. */
  bytes(length: number): Uint8Array | undefined {
    if (this.piece?.kind !== 'data') return undefined;
    const from = Number(this.#used);
    return this.piece.bytes.subarray(from, from + length);
  }
  take(length: bigint): void {
    this.#used += length;
    if (this.left === 0n) this.#next();
  }
  #next(): void {
    do {
      const { value, done } = this.#pieces.next();
      this.piece = done === true ? undefined : value;
      this.#used = 0n;
    } while (this.piece !== undefined && this.piece.length <= 0n);
  }
}

/** Compares as many bytes as both have; where one ends the sizes differ, which is told elsewhere. */
export function compareContents(one: Iterable<Content>, other: Iterable<Content>): ContentComparison {
  const a = new Pieces(one);
  const b = new Pieces(other);
  const spans: ByteSpan[] = [];
  let [changed, absentA, absentB, absentBoth, offset] = [0n, 0n, 0n, 0n, 0n];
  let detail: string | undefined;
  const differs = (from: bigint, length: bigint): void => {
    changed += length;
    const last = spans[spans.length - 1];
    if (last !== undefined && last.offset + last.length === from)
      spans[spans.length - 1] = { offset: last.offset, length: last.length + length };
    else if (spans.length < MAX_SPANS) spans.push({ offset: from, length });
  };
  while (a.piece !== undefined && b.piece !== undefined) {
    const length = a.left < b.left ? a.left : b.left;
    const goneA = a.piece.kind === 'absent';
    const goneB = b.piece.kind === 'absent';
    if (goneA || goneB) {
      if (goneA && goneB) absentBoth += length;
      else if (goneA) absentA += length;
      else absentB += length;
      const gone = a.piece.kind === 'absent' ? a.piece : b.piece;
      if (gone.kind === 'absent') detail ??= gone.detail;
    } else compareBytes(a.bytes(Number(length)), b.bytes(Number(length)), offset, differs);
    offset += length;
    a.take(length);
    b.take(length);
  }
  return { changed, spans, absentA, absentB, absentBoth, detail };
}

function compareBytes(
  a: Uint8Array | undefined,
  b: Uint8Array | undefined,
  offset: bigint,
  differs: (from: bigint, length: bigint) => void,
): void {
  const length = a?.length ?? b?.length ?? 0;
  // Most pieces are equal as a whole.
  if (same(a, b)) return;
  for (let at = 0; at < length; at += UNIT) {
    const end = Math.min(at + UNIT, length);
    if (!same(a?.subarray(at, end), b?.subarray(at, end))) differs(offset + BigInt(at), BigInt(end - at));
  }
}

/** Undefined stands for zeros. */
function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a !== undefined && b !== undefined) return firstDifference(a, b, 0) < 0;
  const only = a ?? b;
  return only === undefined || isZero(only);
}
