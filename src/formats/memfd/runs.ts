/**
 * The folios of a memfd as runs: entries that follow each other in the file and, forward or backward, in
 * memory. A file of 64 million folios is read in windows of its array and kept in a few numbers for each run.
 */
import { Numbers } from '../kho/columns.js';
import type { PreservedMap } from '../kho/preserved.js';

/** Folios of 2^order pages whose places in the file and in memory follow each other. */
export interface FolioRun {
  /** Place of the first one in the file, in pages. */
  readonly index: bigint;
  /** Its first page frame. */
  readonly pfn: bigint;
  readonly order: number;
  /** Number of folios. */
  readonly count: number;
  /** Bit 0 DIRTY, bit 1 UPTODATE. */
  readonly flags: number;
  /** -1 where the page frames descend. */
  readonly step?: -1;
}

/** Runs that are kept; a file of more is counted to its end all the same. */
export const MAX_RUNS = 2 << 20;

/** Keeps runs in columns. */
export class FolioRuns implements Iterable<FolioRun> {
  readonly #index = new Numbers();
  readonly #pfn = new Numbers();
  readonly #count = new Numbers();
  /** Order, flags and direction in one number. */
  readonly #kind = new Numbers();
  /** Folios that are in runs that were not kept. */
  omitted = 0;

  get length(): number {
    return this.#index.length;
  }
  add(index: number, pfn: number, order: number, count: number, flags: number, down: boolean): void {
    if (this.#index.length >= MAX_RUNS) {
      this.omitted += count;
      return;
    }
    this.#index.push(index);
    this.#pfn.push(pfn);
    this.#count.push(count);
    this.#kind.push(order * 8192 + flags * 2 + (down ? 1 : 0));
  }
  *[Symbol.iterator](): Iterator<FolioRun> {
    for (let i = 0; i < this.#index.length; i++) yield this.at(i);
  }
  /** Where the run begins in the file, and where it ends, in pages. */
  indexAt(i: number): number {
    return this.#index.at(i);
  }
  endAt(i: number): number {
    return this.#index.at(i) + this.#count.at(i) * 2 ** Math.floor(this.#kind.at(i) / 8192);
  }
  at(i: number): FolioRun {
    const kind = this.#kind.at(i);
    return {
      index: BigInt(this.#index.at(i)),
      pfn: BigInt(this.#pfn.at(i)),
      order: Math.floor(kind / 8192),
      count: this.#count.at(i),
      flags: (kind >> 1) & 0xfff,
      ...((kind & 1) === 1 ? { step: -1 as const } : {}),
    };
  }
}

/** What is found in the array, beside the runs. */
export interface FolioFaults {
  /** Entries with page frame 0. */
  none: number;
  /** How many folios begin no preserved block, and the first of them. */
  unpreserved: number;
  firstUnpreserved: number;
  unknownFlags: number;
  firstUnknownFlags: number;
  misaligned: number;
  firstMisaligned: number;
  /** Folios that begin before the end of the ones before. */
  unordered: number;
  firstUnordered: number;
  /** Runs that begin where another one lies. */
  twice: number;
  firstTwice: number;
  /** Folios that begin behind the end of the file. */
  beyond: number;
  firstBeyond: number;
  /** Entries read. */
  entries: number;
}

/** Numbers above 2^53 are no page frames and no indices; they are cut to this. */
const HIGH = 0x100000000;

export class FolioReader {
  readonly runs = new FolioRuns();
  readonly faults: FolioFaults = {
    none: 0,
    unpreserved: 0,
    firstUnpreserved: 0,
    unknownFlags: 0,
    firstUnknownFlags: 0,
    misaligned: 0,
    firstMisaligned: 0,
    unordered: 0,
    firstUnordered: 0,
    twice: 0,
    firstTwice: 0,
    beyond: 0,
    firstBeyond: 0,
    entries: 0,
  };
  readonly #map: PreservedMap;
  readonly #little: boolean;
  /** Pages of the file. */
  readonly #filePages: number;
  readonly #range = { start: 0, end: 0, order: 0 };
  #count = 0;
  #index = 0;
  #pfn = 0;
  #order = 0;
  #flags = 0;
  #down = false;
  /** Where the next folio of the run would be. */
  #nextIndex = 0;
  #nextPfn = 0;
  /** Where the last folio of the file ends so far. */
  #reach = 0;

  constructor(map: PreservedMap, little: boolean, filePages: number) {
    this.#map = map;
    this.#little = little;
    this.#filePages = filePages;
  }

  /** Takes the next entries of the array: as many as fit in the bytes. */
  push(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const little = this.#little;
    const end = bytes.length & ~15;
    const range = this.#range;
    let nextIndex = this.#nextIndex;
    let nextPfn = this.#nextPfn;
    let count = this.#count;
    let flags = this.#flags;
    let pages = 2 ** this.#order;
    let step = this.#down ? -pages : pages;
    for (let at = 0; at < end; at += 16) {
      let pfn: number;
      let flag: number;
      let index: number;
      if (little) {
        const high = view.getUint32(at + 4, true);
        pfn = view.getUint32(at, true) + (high & 0xfffff) * HIGH;
        flag = high >>> 20;
        index = view.getUint32(at + 8, true) + view.getUint32(at + 12, true) * HIGH;
      } else {
        const low = view.getUint32(at + 4);
        pfn = view.getUint32(at) * 0x100000 + (low >>> 12);
        flag = low & 0xfff;
        index = view.getUint32(at + 8) * HIGH + view.getUint32(at + 12);
      }
      if (
        pfn === nextPfn &&
        index === nextIndex &&
        flag === flags &&
        count > 0 &&
        pfn >= range.start &&
        pfn < range.end
      ) {
        count++;
        nextPfn += step;
        nextIndex += pages;
        continue;
      }
      this.#count = count;
      this.#nextIndex = nextIndex;
      this.#nextPfn = nextPfn;
      this.#turn(pfn, flag, index);
      count = this.#count;
      nextIndex = this.#nextIndex;
      nextPfn = this.#nextPfn;
      flags = this.#flags;
      pages = 2 ** this.#order;
      step = this.#down ? -pages : pages;
    }
    this.#count = count;
    this.#nextIndex = nextIndex;
    this.#nextPfn = nextPfn;
    this.faults.entries += end / 16;
  }

  /** Takes note that entries are missing: what follows them does not continue a run. */
  skip(entries: number): void {
    this.#flush();
    this.faults.entries += entries;
  }

  /** Takes entries that are known to be zero. */
  zeros(entries: number): void {
    this.#flush();
    this.faults.entries += entries;
    this.faults.none += entries;
  }

  done(): FolioRuns {
    this.#flush();
    if (this.faults.unordered > 0) this.#findTwice();
    return this.runs;
  }

  /** Only where the index goes back can two folios lie at the same place. */
  #findTwice(): void {
    const { faults, runs } = this;
    const places = Uint32Array.from({ length: runs.length }, (_, i) => i).sort(
      (a, b) => runs.indexAt(a) - runs.indexAt(b) || a - b,
    );
    let reach = 0;
    for (const i of places) {
      const start = runs.indexAt(i);
      const end = runs.endAt(i);
      if (start < reach) {
        if (faults.twice === 0) faults.firstTwice = start;
        faults.twice++;
      }
      if (end > reach) reach = end;
    }
  }

  /** A folio that does not simply go on the run within its range of preserved memory. */
  #turn(pfn: number, flags: number, index: number): void {
    const { faults } = this;
    const range = this.#range;
    if (pfn === 0) {
      faults.none++;
      this.#flush();
      return;
    }
    const known = this.#map.seek(pfn, range) && (pfn - range.start) % 2 ** range.order === 0;
    const order = known ? range.order : 0;
    if (!known) {
      // Nothing is within this range, so that the next folio is looked up too.
      range.start = 0;
      range.end = 0;
      if (this.#map.complete) {
        if (faults.unpreserved === 0) faults.firstUnpreserved = pfn;
        faults.unpreserved++;
      }
    }
    const pages = 2 ** order;
    const continues =
      this.#count > 0 && index === this.#nextIndex && flags === this.#flags && order === this.#order;
    if (continues && pfn === this.#nextPfn) {
      this.#count++;
      this.#nextIndex += pages;
      this.#nextPfn += this.#down ? -pages : pages;
      return;
    }
    if (continues && this.#count === 1 && pfn === this.#pfn - pages) {
      this.#down = true;
      this.#count = 2;
      this.#nextIndex += pages;
      this.#nextPfn = pfn - pages;
      return;
    }
    this.#flush();
    if ((flags & ~3) !== 0) {
      if (faults.unknownFlags === 0) faults.firstUnknownFlags = index;
      faults.unknownFlags++;
    }
    if (index % pages !== 0) {
      if (faults.misaligned === 0) faults.firstMisaligned = index;
      faults.misaligned++;
    }
    if (index < this.#reach) {
      if (faults.unordered === 0) faults.firstUnordered = index;
      faults.unordered++;
    }
    this.#index = index;
    this.#pfn = pfn;
    this.#order = order;
    this.#flags = flags;
    this.#down = false;
    this.#count = 1;
    this.#nextIndex = index + pages;
    this.#nextPfn = pfn + pages;
  }

  #flush(): void {
    if (this.#count === 0) return;
    const { faults } = this;
    const pages = 2 ** this.#order;
    const end = this.#index + this.#count * pages;
    if (end - pages >= this.#filePages) {
      const inside = Math.max(0, Math.ceil((this.#filePages - this.#index) / pages));
      if (faults.beyond === 0) faults.firstBeyond = this.#index + inside * pages;
      faults.beyond += this.#count - inside;
    }
    if (end > this.#reach) this.#reach = end;
    this.runs.add(this.#index, this.#pfn, this.#order, this.#count, this.#flags, this.#down);
    this.#count = 0;
  }
}
