/**
 * Preserved memory as ranges of blocks: what a map of any generation is once it is read. Page frame numbers
 * are JavaScript numbers: addresses have at most 64 bits, so these have at most 52.
 */
import { Numbers } from './columns.js';

/** Blocks of 2^order pages that follow each other. */
export interface PreservedRange {
  readonly address: bigint;
  readonly order: number;
  /** How many blocks. */
  readonly count: number;
}

/** Ranges that are kept; a map with more is read no further. */
export const MAX_RANGES = 4 << 20;

export class PreservedBuilder {
  readonly #start = new Numbers();
  readonly #count = new Numbers();
  readonly #order = new Numbers();
  /** Whether a map had more ranges than are kept. */
  full = false;

  /** Adds blocks of 2^order pages, the first at page `pfn`. */
  add(pfn: number, order: number, count: number): void {
    const last = this.#start.length - 1;
    if (
      last >= 0 &&
      this.#order.at(last) === order &&
      this.#start.at(last) + this.#count.at(last) * 2 ** order === pfn
    ) {
      this.#count.set(last, this.#count.at(last) + count);
      return;
    }
    if (this.#start.length >= MAX_RANGES) {
      this.full = true;
      return;
    }
    this.#start.push(pfn);
    this.#order.push(order);
    this.#count.push(count);
  }

  done(pageSize: number, known: boolean): PreservedMap {
    const start = this.#start.done();
    const count = this.#count.done();
    const order = Uint8Array.from(this.#order.done());
    return new PreservedMap(pageSize, start, count, order, known && !this.full);
  }
}

/** What follows preserved memory on the way: the range that a page frame lies in. */
export interface RangeCursor {
  /** First page frame, and first one after. */
  start: number;
  end: number;
  order: number;
}

export class PreservedMap implements Iterable<PreservedRange> {
  readonly pageSize: number;
  /** Whether all of the map could be read, so that what is not in it is not preserved. */
  readonly complete: boolean;
  readonly #start: Float64Array;
  readonly #count: Float64Array;
  readonly #order: Uint8Array;
  readonly #pages: number;
  readonly #blocks: number;
  /** The place of the range that was sought last. */
  #sought = -1;

  constructor(
    pageSize: number,
    start: Float64Array,
    count: Float64Array,
    order: Uint8Array,
    complete: boolean,
  ) {
    this.pageSize = pageSize;
    this.complete = complete;
    let sorted = true;
    for (let i = 1; i < start.length && sorted; i++)
      sorted =
        (start[i - 1] ?? 0) < (start[i] ?? 0) || (start[i - 1] === start[i] && order[i - 1] === order[i]);
    if (sorted) {
      this.#start = start;
      this.#count = count;
      this.#order = order;
    } else {
      const places = Uint32Array.from({ length: start.length }, (_, i) => i).sort(
        (a, b) => (start[a] ?? 0) - (start[b] ?? 0) || (order[b] ?? 0) - (order[a] ?? 0),
      );
      this.#start = Float64Array.from(places, (i) => start[i] ?? 0);
      this.#count = Float64Array.from(places, (i) => count[i] ?? 0);
      this.#order = Uint8Array.from(places, (i) => order[i] ?? 0);
    }
    let pages = 0;
    let blocks = 0;
    for (let i = 0; i < start.length; i++) {
      blocks += count[i] ?? 0;
      pages += (count[i] ?? 0) * 2 ** (order[i] ?? 0);
    }
    this.#pages = pages;
    this.#blocks = blocks;
  }

  /** Number of ranges. */
  get length(): number {
    return this.#start.length;
  }
  get pages(): bigint {
    return BigInt(this.#pages);
  }
  get bytes(): bigint {
    return this.pages * BigInt(this.pageSize);
  }
  /** Number of blocks, each of which was preserved as a unit. */
  get blocks(): number {
    return this.#blocks;
  }

  /** Ranges by ascending address. */
  *[Symbol.iterator](): Iterator<PreservedRange> {
    for (let i = 0; i < this.#start.length; i++)
      yield {
        address: this.#addressOf(this.#start[i] ?? 0),
        order: this.#order[i] ?? 0,
        count: this.#count[i] ?? 0,
      };
  }

  /** Fills the cursor with the range that holds the page frame, and tells whether there is one. */
  seek(pfn: number, cursor: RangeCursor): boolean {
    const starts = this.#start;
    // Much of what is looked up lies in the range behind the one before.
    let high = this.#sought + 1;
    if (!((starts[high] ?? Number.NaN) <= pfn && (starts[high + 1] ?? Number.POSITIVE_INFINITY) > pfn)) {
      let low = 0;
      high = starts.length - 1;
      while (low <= high) {
        const middle = (low + high) >>> 1;
        if ((starts[middle] ?? 0) <= pfn) low = middle + 1;
        else high = middle - 1;
      }
      if (high < 0) return false;
    }
    this.#sought = high;
    const start = starts[high] ?? 0;
    const order = this.#order[high] ?? 0;
    const count = this.#count[high] ?? 0;
    // Powers are slow, and most blocks are single pages.
    const end = start + (order === 0 ? count : count * 2 ** order);
    if (pfn >= end) return false;
    cursor.start = start;
    cursor.end = end;
    cursor.order = order;
    return true;
  }

  /** The order of the block that begins at the page frame; undefined if none begins there. */
  blockAt(pfn: number): number | undefined {
    const cursor = { start: 0, end: 0, order: 0 };
    if (!this.seek(pfn, cursor)) return undefined;
    return (pfn - cursor.start) % 2 ** cursor.order === 0 ? cursor.order : undefined;
  }

  /** Whether all of these bytes are preserved. */
  covers(address: bigint, length: number | bigint): boolean {
    const size = BigInt(this.pageSize);
    let pfn = Number(address / size);
    const end = Number((address + BigInt(length) + size - 1n) / size);
    const cursor = { start: 0, end: 0, order: 0 };
    while (pfn < end) {
      if (!this.seek(pfn, cursor)) return false;
      pfn = cursor.end;
    }
    return true;
  }

  /** Pages of memory that two blocks both cover: each pair of ranges that overlap, by ascending address. */
  *overlaps(): Iterable<{ readonly address: bigint; readonly pages: number }> {
    let reach = 0;
    for (let i = 0; i < this.#start.length; i++) {
      const start = this.#start[i] ?? 0;
      const end = start + (this.#count[i] ?? 0) * 2 ** (this.#order[i] ?? 0);
      if (start < reach) yield { address: this.#addressOf(start), pages: Math.min(end, reach) - start };
      if (end > reach) reach = end;
    }
  }

  /** The first range that touches these bytes. */
  touching(address: bigint, length: bigint): PreservedRange | undefined {
    if (length <= 0n) return undefined;
    const first = Number(address / BigInt(this.pageSize));
    const last = Number((address + length - 1n) / BigInt(this.pageSize));
    for (let i = this.#lowerBound(first); i < this.#start.length; i++) {
      const start = this.#start[i] ?? 0;
      if (start > last) return undefined;
      const order = this.#order[i] ?? 0;
      const count = this.#count[i] ?? 0;
      if (start + count * 2 ** order > first) return { address: this.#addressOf(start), order, count };
    }
    return undefined;
  }

  /** The last range that starts at or before the page frame, or the first of all. */
  #lowerBound(pfn: number): number {
    let low = 0;
    let high = this.#start.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#start[middle] ?? 0) <= pfn) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
  #addressOf(pfn: number): bigint {
    return BigInt(pfn) * BigInt(this.pageSize);
  }
}

/** Nothing preserved, and not known to be nothing. */
export function unknownMap(pageSize: number): PreservedMap {
  return new PreservedMap(pageSize, new Float64Array(), new Float64Array(), new Uint8Array(), false);
}
