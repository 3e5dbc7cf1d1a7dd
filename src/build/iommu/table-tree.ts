/**
 * The tables of a domain as a tree that is known before any of it has an address, and whose pages are made one
 * by one when they are asked for: 64 GiB in pages of 4 KiB take 32 thousand tables, which nobody has to hold.
 */
import { FRAME, type MappingInput, type TableShape, writeTables } from '../../formats/pgtable/index.js';
import { type Piece, pageSizes, type Segment, segmentsOf } from './segments.js';

/** Numbers of tables of one level that there are, as runs that ascend; `before` counts those of earlier runs. */
interface Run {
  readonly first: number;
  last: number;
  readonly before: number;
}

/** Entries of a table as a power of two; all formats that are built have tables of 4 KiB. */
const INDEX_BITS = 9;
const ENTRIES = 2 ** INDEX_BITS;
/** An address that a table which is thrown away may have. */
const NOWHERE = BigInt(FRAME);

/** Frames that a table of a level spans. */
function spanOf(level: number): number {
  return 2 ** (INDEX_BITS * (level + 1));
}

export class TableTree {
  readonly shape: TableShape;
  /** Tables, the topmost included. */
  readonly tables: number;
  readonly #segments: readonly Segment[];
  /** By level, up to the one below the topmost. */
  readonly #runs: readonly (readonly Run[])[];
  readonly #frames: number;

  /** Pieces ascend and do not overlap. */
  constructor(shape: TableShape, pieces: readonly Piece[]) {
    this.shape = shape;
    this.#frames = 2 ** ((shape.vasz ?? 64) - 12);
    const sizes = pageSizes(shape);
    this.#segments = pieces.flatMap((piece) => [...segmentsOf(sizes, piece)]);
    this.#runs = Array.from({ length: shape.level }, (_, level) => runsOf(this.#segments, level));
    this.tables = 1 + this.#runs.reduce((sum, runs) => sum + countOf(runs), 0);
  }

  /**
   * Writes the table with that number into `out`: the topmost is 0, and each comes before those below it.
   * `addressOf` gives the physical address of a number.
   */
  write(number: number, out: Uint8Array, addressOf: (number: number) => bigint): void {
    const { level, index } = this.#find(number);
    out.set(this.#bytes(level, index, addressOf));
  }

  #numberOf(level: number, index: number): number {
    if (level === this.shape.level) return 0;
    const start = index * spanOf(level);
    return this.#runs.reduce((sum, runs, each) => {
      const at = Math.floor(start / spanOf(each));
      // Tables above that hold it come before it; those below begin no earlier.
      return sum + below(runs, each > level ? at + 1 : at);
    }, 1);
  }

  #find(number: number): { readonly level: number; readonly index: number } {
    if (number > 0)
      for (let level = this.shape.level - 1; level >= 0; level--) {
        const runs = this.#runs[level] ?? [];
        let low = 0;
        let high = countOf(runs) - 1;
        while (low <= high) {
          const middle = (low + high) >>> 1;
          const index = nth(runs, middle);
          const found = this.#numberOf(level, index);
          if (found === number) return { level, index };
          if (found < number) low = middle + 1;
          else high = middle - 1;
        }
      }
    return { level: this.shape.level, index: 0 };
  }

  /**
   * One table, by writing a small domain that has it: each table below it is led to by a mapping of a page that
   * is thrown away with that table.
   */
  #bytes(level: number, index: number, addressOf: (number: number) => bigint): Uint8Array {
    const start = index * spanOf(level);
    const end = start + spanOf(level);
    const inputs: MappingInput[] = [];
    const children: bigint[] = [];
    if (level > 0)
      for (const child of within(this.#runs[level - 1] ?? [], index * ENTRIES, (index + 1) * ENTRIES)) {
        inputs.push({ iova: this.#iova(child * spanOf(level - 1)), phys: 0n, size: BigInt(FRAME) });
        children.push(addressOf(this.#numberOf(level - 1, child)));
      }
    const runs: EntryRun[] = [];
    for (const segment of this.#from(start)) {
      if (segment.at >= end) break;
      if (segment.level !== level) continue;
      const { input, entries } = this.#clip(segment, start, end);
      inputs.push(input);
      const first = (Math.max(segment.at, start) - start) / (segment.page / FRAME);
      if (entries > SEEDS) runs.push({ first, entries });
    }
    let calls = 0;
    // From the topmost table down to this one; then for each child itself, and what is below it.
    const chain = this.shape.level - level + 1;
    const { pages } = writeTables({ ...this.shape, granule: FRAME }, inputs, () => {
      const call = calls++ - chain;
      return call >= 0 && level > 0 && call % level === 0 ? (children[call / level] ?? NOWHERE) : NOWHERE;
    });
    const bytes = pages[chain - 1]?.bytes ?? new Uint8Array(FRAME);
    for (const run of runs) continueRun(bytes, run);
    return bytes;
  }

  /** The part of a segment that is in a table; of many entries the first two are written, and tell the others. */
  #clip(
    { piece, at, frames, page }: Segment,
    start: number,
    end: number,
  ): { readonly input: MappingInput; readonly entries: number } {
    const from = Math.max(at, start);
    const entries = (Math.min(at + frames, end) - from) / (page / FRAME);
    return {
      entries,
      input: {
        iova: this.#iova(from),
        phys: piece.phys() + BigInt(from - piece.at) * BigInt(FRAME),
        size: BigInt(Math.min(entries, SEEDS) * page),
        permissions: piece.permissions,
        largestPage: BigInt(page),
      },
    };
  }

  /** Segments that end behind a frame. */
  *#from(frame: number): Iterable<Segment> {
    let low = 0;
    let high = this.#segments.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const segment = this.#segments[middle];
      if (segment !== undefined && segment.at + segment.frames > frame) high = middle;
      else low = middle + 1;
    }
    for (let i = low; i < this.#segments.length; i++) {
      const segment = this.#segments[i];
      if (segment !== undefined) yield segment;
    }
  }

  #iova(frame: number): bigint {
    const upper = this.shape.signExtend && frame >= this.#frames / 2;
    return BigInt(frame) * BigInt(FRAME) + (upper ? (1n << 64n) - BigInt(this.#frames) * BigInt(FRAME) : 0n);
  }
}

interface EntryRun {
  readonly first: number;
  readonly entries: number;
}
/** Entries of a run that the writer of tables makes. */
const SEEDS = 2;

/** Entries of pages of one size differ in the address alone: each is as far from the one before as the second. */
function continueRun(bytes: Uint8Array, { first, entries }: EntryRun): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const second = view.getBigUint64(8 * (first + 1), true);
  const step = Number(second - view.getBigUint64(8 * first, true));
  let low = Number(second & 0xffffffffn);
  let high = Number(second >> 32n);
  for (let i = first + SEEDS; i < first + entries; i++) {
    low += step;
    if (low >= 2 ** 32) {
      low -= 2 ** 32;
      high++;
    }
    view.setUint32(8 * i, low, true);
    view.setUint32(8 * i + 4, high, true);
  }
}

/** Tables of a level that segments need: those whose pages are in them or below. */
function runsOf(segments: readonly Segment[], level: number): Run[] {
  const span = spanOf(level);
  const runs: Run[] = [];
  for (const { at, frames, level: own } of segments) {
    if (own > level) continue;
    const first = Math.floor(at / span);
    const last = Math.floor((at + frames - 1) / span);
    const before = runs[runs.length - 1];
    if (before !== undefined && first <= before.last + 1) before.last = Math.max(before.last, last);
    else runs.push({ first, last, before: countOf(runs) });
  }
  return runs;
}
function countOf(runs: readonly Run[]): number {
  const last = runs[runs.length - 1];
  return last === undefined ? 0 : last.before + last.last - last.first + 1;
}
/** The place of the first run that ends at or behind an index. */
function placeOf(runs: readonly Run[], index: number): number {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((runs[middle]?.last ?? 0) >= index) high = middle;
    else low = middle + 1;
  }
  return low;
}
/** How many there are with a smaller index. */
function below(runs: readonly Run[], index: number): number {
  const run = runs[placeOf(runs, index)];
  return run === undefined ? countOf(runs) : run.before + Math.max(0, index - run.first);
}
function nth(runs: readonly Run[], place: number): number {
  let low = 0;
  let high = runs.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((runs[middle]?.before ?? 0) <= place) low = middle;
    else high = middle - 1;
  }
  const run = runs[low];
  return run === undefined ? 0 : run.first + place - run.before;
}
function* within(runs: readonly Run[], from: number, to: number): Iterable<number> {
  for (let i = placeOf(runs, from); i < runs.length; i++) {
    const run = runs[i];
    if (run === undefined || run.first >= to) return;
    for (let index = Math.max(run.first, from); index <= Math.min(run.last, to - 1); index++) yield index;
  }
}
