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
  /** For a memfd, bit 0 DIRTY and bit 1 UPTODATE. */
  readonly flags: number;
  /** -1 where the page frames descend. */
  readonly step?: -1;
}

/** Runs that are kept; a file of more is counted to its end all the same. */
export const MAX_RUNS = 2 << 20;

/** Order, flags and direction in one number, which is less than this. */
const KINDS = 2 ** 19;

/** Keeps runs in columns. */
export class FolioRuns implements Iterable<FolioRun> {
  readonly #index = new Numbers();
  readonly #pfn = new Numbers();
  /** How many folios, and of what kind. Of so many that this is not exact, the array is larger than a dump. */
  readonly #folios = new Numbers();
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
    this.#folios.push(count * KINDS + ((order << 13) | (flags << 1) | (down ? 1 : 0)));
  }
  *[Symbol.iterator](): Iterator<FolioRun> {
    for (let i = 0; i < this.#index.length; i++) yield this.at(i);
  }
  /** Where the run begins in the file, and where it ends, in pages. */
  indexAt(i: number): number {
    return this.#index.at(i);
  }
  endAt(i: number): number {
    const folios = this.#folios.at(i);
    return this.#index.at(i) + Math.floor(folios / KINDS) * pagesOf((folios % KINDS) >> 13);
  }
  at(i: number): FolioRun {
    const folios = this.#folios.at(i);
    const kind = folios % KINDS;
    return {
      index: BigInt(this.#index.at(i)),
      pfn: BigInt(this.#pfn.at(i)),
      order: kind >> 13,
      count: Math.floor(folios / KINDS),
      flags: (kind >> 1) & 0xfff,
      ...((kind & 1) === 1 ? { step: -1 as const } : {}),
    };
  }
}

/** 2^order. In most files the order is 0, and powers are slow. */
function pagesOf(order: number): number {
  return order === 0 ? 1 : 2 ** order;
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

/** What one in the upper of two words is worth. */
const HIGH = 0x100000000;
/** Words of an entry. */
const WORDS = 4;
/** Indices above this are not exact as numbers; no file has them. */
const MAX_EXACT = 2 ** 52;
const HOST_IS_LITTLE = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** A word of an entry, unsigned. */
function word(words: Int32Array, at: number): number {
  return (words[at] ?? 0) >>> 0;
}

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
  /** Bits of flags that have a meaning. */
  readonly #known: number;
  readonly #range = { start: 0, end: 0, order: 0 };
  /** Entries of machines that are not like this one, in its words. */
  #words = new Int32Array();
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

  /** `known` are the bits of flags that have a meaning. */
  constructor(map: PreservedMap, little: boolean, filePages: number, known = 3) {
    this.#map = map;
    this.#known = known;
    this.#little = little;
    this.#filePages = filePages;
  }

  /** Takes the next entries of the array: as many as fit in the bytes. */
  push(bytes: Uint8Array): void {
    const words = this.#wordsOf(bytes);
    const end = words.length;
    for (let at = 0; at < end; at += WORDS) {
      if (this.#count > 0) {
        at = this.#goOn(words, at);
        if (at === end) break;
      }
      const high = word(words, at + 1);
      this.#turn(
        word(words, at) + (high & 0xfffff) * HIGH,
        high >>> 20,
        word(words, at + 2) + word(words, at + 3) * HIGH,
      );
    }
    this.faults.entries += end / WORDS;
  }

  /**
   * Entries as four words of 32 bits, in the order of little-endian machines: page frame, its high bits and the
   * flags, index, its high bits. Where this machine is one, and so was the kernel, they are that already.
   */
  #wordsOf(bytes: Uint8Array): Int32Array {
    const length = (bytes.length >> 4) * WORDS;
    if (this.#little && HOST_IS_LITTLE && bytes.byteOffset % 4 === 0)
      return new Int32Array(bytes.buffer, bytes.byteOffset, length);
    const view = new DataView(bytes.buffer, bytes.byteOffset, length * 4);
    if (this.#words.length < length) this.#words = new Int32Array(length);
    const words = this.#words.subarray(0, length);
    for (let i = 0; i < length; i += WORDS) {
      const at = i * 4;
      if (this.#little) {
        for (let j = 0; j < WORDS; j++) words[i + j] = view.getInt32(at + 4 * j, true);
        continue;
      }
      // Big-endian kernels have the page frame in the upper 52 bits, and the flags below it.
      const high = view.getUint32(at);
      const low = view.getUint32(at + 4);
      words[i] = (high << 20) | (low >>> 12);
      words[i + 1] = (high >>> 12) | (low << 20);
      words[i + 2] = view.getInt32(at + 12);
      words[i + 3] = view.getInt32(at + 8);
    }
    return words;
  }

  /**
   * Takes the entries that simply go on the run, and gives the place of the first one that does not. Those are
   * within its range of preserved memory, and before the low word of the page frame or of the index wraps: so one
   * entry is like the next but for the low words, and most of a file costs no more than comparing words.
   */
  #goOn(words: Int32Array, from: number): number {
    const pfn = this.#nextPfn;
    const index = this.#nextIndex;
    let low = pfn | 0;
    let place = index | 0;
    if (words[from] !== low || words[from + 2] !== place) return from;
    const range = this.#range;
    const order = this.#order;
    const isDown = this.#down;
    // An index this high is not exact as a number, and at page frame 0 is no folio. Smaller integers are faster.
    if (pfn < range.start || pfn >= range.end || pfn === 0 || index >= MAX_EXACT || order > 30) return from;
    const high = Math.floor(pfn / HIGH) | (this.#flags << 20);
    const placeHigh = Math.floor(index / HIGH) | 0;
    if (words[from + 1] !== high || words[from + 3] !== placeHigh) return from;

    const pages = 1 << order;
    const untilIndex = HIGH - (place >>> 0);
    // Going down, page frame 0 is not reached.
    const untilPfn = isDown
      ? Math.min(pfn - Math.max(range.start, 1), low >>> 0) + pages
      : Math.min(range.end - pfn, HIGH - (low >>> 0));
    let room = Math.min(untilPfn, untilIndex);
    if (order > 0) room = isDown ? Math.floor(room / pages) : Math.ceil(room / pages);
    const left = (words.length - from) >> 2;
    const end = from + ((room < left ? room : left) | 0) * WORDS;
    const step = isDown ? -pages | 0 : pages;
    let at = from;
    do {
      low = (low + step) | 0;
      place = (place + pages) | 0;
      at += WORDS;
    } while (
      at < end &&
      words[at] === low &&
      words[at + 2] === place &&
      words[at + 1] === high &&
      words[at + 3] === placeHigh
    );
    const taken = (at - from) >> 2;
    this.#count += taken;
    this.#nextPfn = pfn + taken * step;
    this.#nextIndex = index + taken * pages;
    return at;
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
    const isWithin = (pfn >= range.start && pfn < range.end) || this.#map.seek(pfn, range);
    const known = isWithin && (range.order === 0 || (pfn - range.start) % pagesOf(range.order) === 0);
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
    const pages = pagesOf(order);
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
    if ((flags & ~this.#known) !== 0) {
      if (faults.unknownFlags === 0) faults.firstUnknownFlags = index;
      faults.unknownFlags++;
    }
    if (pages > 1 && index % pages !== 0) {
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
    const pages = pagesOf(this.#order);
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
