/** Which preserved files have contents that the dump lacks, as dumps of the metadata alone do. */
import { FOLIO_UPTODATE, FolioRuns } from '../formats/memfd/index.js';
import type { Image } from '../memory/index.js';

export interface MissingContents {
  /** Files that have memory of their own. */
  readonly files: number;
  /** Of them, those of whose memory the dump has nothing. */
  readonly whole: number;
  /** Those of whose memory it has some. */
  readonly part: number;
}

/** Runs of memory of a dump that are looked at; of a dump in more pieces nothing is said. */
const MAX_REGIONS = 1 << 20;

/** What the dump lacks of the preserved files; undefined if it lacks nothing, or where too much had to be asked. */
export function missingContents(image: Image, luo: unknown, pageSize: number): MissingContents | undefined {
  const lists = [...folioLists(luo)];
  const present = lists.length === 0 ? undefined : presentMemory(image, pageSize);
  if (present === undefined) return undefined;
  let whole = 0;
  let part = 0;
  let files = 0;
  for (const { folios, size } of lists) {
    const state = present.stateOf(folios, size);
    if (state === 'none') continue;
    files++;
    if (state === 'absent') whole++;
    if (state === 'part') part++;
  }
  return whole + part === 0 ? undefined : { files, whole, part };
}

/** In a line: `not in the dump: all memory of 96 and some of 3 of 104 preserved files; …`. */
export function missingText({ files, whole, part }: MissingContents): string {
  const all = whole === 0 ? [] : [`all memory of ${whole}`];
  const some = part === 0 ? [] : [`some ${whole === 0 ? 'memory ' : ''}of ${part}`];
  const many = `${files} preserved file${files === 1 ? '' : 's'}`;
  return `not in the dump: ${[...all, ...some].join(' and ')} of ${many}; extract writes zeros there and counts them`;
}

/** The folios of every file that has some, with its size in bytes. */
function* folioLists(luo: unknown): Iterable<{ readonly folios: FolioRuns; readonly size: bigint }> {
  for (const session of listOf(luo, 'sessions'))
    for (const file of listOf(session, 'files'))
      for (const value of Object.values(isRecord(file) ? file : {}))
        if (isRecord(value) && value.folios instanceof FolioRuns && typeof value.size === 'bigint')
          yield { folios: value.folios, size: value.size };
}

function listOf(value: unknown, name: string): readonly unknown[] {
  const member = isRecord(value) ? value[name] : undefined;
  return Array.isArray(member) ? member : [];
}
function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

type State = 'none' | 'present' | 'absent' | 'part';

/**
 * The memory that the dump has, in page frames. Regions say what the headers of a dump promise; where its file
 * ends early, the ends of what was looked for tell.
 */
class PresentMemory {
  readonly #image: Image;
  readonly #pageSize: number;
  readonly #starts: Float64Array;
  readonly #ends: Float64Array;

  constructor(image: Image, pageSize: number, starts: Float64Array, ends: Float64Array) {
    this.#image = image;
    this.#pageSize = pageSize;
    this.#starts = starts;
    this.#ends = ends;
  }

  stateOf(folios: FolioRuns, size: bigint): State {
    const pages = Number((size + BigInt(this.#pageSize) - 1n) / BigInt(this.#pageSize));
    let present = false;
    let absent = false;
    for (let i = 0; i < folios.length; i++) {
      if (present && absent) break;
      const { pfn, order, count, flags, step } = folios.at(i);
      // What was never written reads as zeros, whatever its memory holds.
      if (folios.indexAt(i) >= pages || (flags & FOLIO_UPTODATE) === 0) continue;
      const block = 2 ** order;
      // Downward the first folio of the run is the last one in memory.
      const start = Number(pfn) - (step === -1 ? (count - 1) * block : 0);
      const beyond = Math.max(0, folios.endAt(i) - pages);
      const [from, to] =
        step === -1
          ? [start + Math.min(beyond, (count - 1) * block), start + count * block]
          : [start, start + count * block - beyond];
      const state = this.#stateOf(from, to);
      if (state !== 'absent') present = true;
      if (state !== 'present') absent = true;
    }
    if (present) return absent ? 'part' : 'present';
    return absent ? 'absent' : 'none';
  }

  #stateOf(from: number, to: number): State {
    let at = this.#search(from);
    // The first region that ends behind the start.
    if ((this.#ends[at] ?? Number.POSITIVE_INFINITY) <= from) at++;
    const start = this.#starts[at] ?? Number.POSITIVE_INFINITY;
    const end = this.#ends[at] ?? 0;
    if (start >= to) return 'absent';
    if (start > from || end < to) return this.#isThere(Math.max(start, from)) ? 'part' : 'absent';
    const first = this.#isThere(from);
    if (first === this.#isThere(to - 1)) return first ? 'present' : 'absent';
    return 'part';
  }

  #isThere(pfn: number): boolean {
    return this.#image.at(BigInt(pfn) * BigInt(this.#pageSize)).state !== 'absent';
  }

  /** The last region that starts at or before the page frame, or the first of all. */
  #search(pfn: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] ?? 0) <= pfn) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }
}

/** Undefined where the dump is in too many pieces. */
function presentMemory(image: Image, pageSize: number): PresentMemory | undefined {
  const size = BigInt(pageSize);
  const starts: number[] = [];
  const ends: number[] = [];
  for (const region of image.regions()) {
    const start = Number(region.address / size);
    const end = Number((region.address + region.size + size - 1n) / size);
    const last = ends.length - 1;
    if (ends[last] !== undefined && start <= ends[last]) ends[last] = Math.max(ends[last], end);
    else {
      if (starts.length >= MAX_REGIONS) return undefined;
      starts.push(start);
      ends.push(end);
    }
  }
  return new PresentMemory(image, pageSize, Float64Array.from(starts), Float64Array.from(ends));
}
