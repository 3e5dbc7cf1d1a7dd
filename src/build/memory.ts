/**
 * Physical memory that is being laid out: regions are asked for first, get their addresses together, and are
 * filled last, when every address is known. So what points at each other can be declared in any order.
 */
import { type ABI, encode, type InputOf, type Schema } from '../codec/index.js';
import type { MemorySegment, SegmentContent } from '../memory/index.js';
import { buildError } from './build-error.js';
import { partOf } from './content.js';
import { random } from './random.js';

/** How the pages of a region are told to the map of preserved memory. */
export type Preserve =
  /** As one block of the smallest order that holds them: `kho_alloc_preserve`. The region grows to it. */
  | 'block'
  /** In the largest blocks that their alignment allows: `kho_preserve_pages`. */
  | 'pages'
  /** As blocks of 2^order pages each: folios. */
  | { readonly order: number };

export interface RegionRequest {
  /** What it is for, as it is told in errors: `sessions[0].files[1].memfd`. */
  readonly label: string;
  /** In bytes; rounded up to whole pages. */
  readonly size: number | bigint;
  /** Physical address; wherever there is room if not given. */
  readonly at?: bigint | undefined;
  /** In pages, a power of two; that of its largest block, or 1, if not given. */
  readonly align?: number;
  readonly preserve?: Preserve;
  /** What it holds, for what is not written piece by piece: disjoint, ascending, zeros between them. */
  readonly parts?: readonly RegionPart[];
}

/** A part of what a region holds. */
export interface RegionPart {
  /** In bytes from the start of the region. */
  readonly offset: bigint;
  readonly size: bigint;
  /** Undefined where the memory exists and the image does not have it. */
  readonly content: SegmentContent | undefined;
}

/** Blocks of 2^order pages that follow each other. */
export interface BlockRun {
  /** The first page frame. */
  readonly pfn: number;
  readonly order: number;
  readonly count: number;
}

/** A written region has at most so many bytes; more is for lazy content. */
const MAX_WRITTEN = 2 ** 31;
/** Addresses of x86_64 and arm64 have at most so many bits. */
export const PHYS_BITS = 52;

/** A run of pages that is somewhere, or will be. */
export class Region {
  readonly label: string;
  readonly pages: number;
  readonly align: number;
  readonly wanted: number | undefined;
  readonly preserve: Preserve | undefined;
  readonly parts: readonly RegionPart[];
  readonly #pageSize: number;
  #pfn: number | undefined;
  #bytes: Uint8Array | undefined;

  constructor(request: RegionRequest, pageSize: number) {
    const { label, preserve } = request;
    const pages = Math.max(1, Math.ceil(Number(request.size) / pageSize));
    // Nothing may depend on a size that no machine has.
    if (pages * pageSize > 2 ** PHYS_BITS)
      throw buildError(
        'build-full',
        label,
        `it would have ${BigInt(request.size)} bytes, more than all memory, 2^${PHYS_BITS}`,
      );
    const order = Math.ceil(Math.log2(pages));
    this.label = label;
    this.#pageSize = pageSize;
    this.pages = preserve === 'block' ? 2 ** order : pages;
    this.align =
      request.align ??
      (preserve === 'block' ? 2 ** order : typeof preserve === 'object' ? 2 ** preserve.order : 1);
    if (typeof preserve === 'object' && this.pages % 2 ** preserve.order !== 0)
      throw buildError(
        'build-value',
        label,
        `${this.pages} pages are no blocks of ${2 ** preserve.order} pages`,
      );
    this.preserve = preserve;
    this.parts = request.parts ?? [];
    if (request.at !== undefined) {
      const at = request.at;
      if (at < 0n || at % BigInt(pageSize * this.align) !== 0n)
        throw buildError(
          'build-address',
          `${label}.at`,
          `it cannot be at 0x${at.toString(16)}: its address has to be a multiple of 0x${(pageSize * this.align).toString(16)}`,
        );
      this.wanted = Number(at / BigInt(pageSize));
      this.checkEnd(this.wanted);
    }
  }

  /** The first page frame. Only known once the memory is placed. */
  get pfn(): number {
    if (this.#pfn === undefined) throw new Error(`${this.label} has no address yet`);
    return this.#pfn;
  }
  get isPlaced(): boolean {
    return this.#pfn !== undefined;
  }
  /** The physical address of its first byte. Only known once the memory is placed. */
  get address(): bigint {
    return BigInt(this.pfn) * BigInt(this.#pageSize);
  }
  get size(): number {
    return this.pages * this.#pageSize;
  }
  /** Whether anything was written to it. */
  get isWritten(): boolean {
    return this.#bytes !== undefined;
  }
  /** Its bytes, to be written to. */
  get bytes(): Uint8Array {
    if (this.#bytes === undefined) {
      if (this.size > MAX_WRITTEN)
        throw buildError('build-full', this.label, `${this.size} bytes are too many to be kept in memory`);
      this.#bytes = new Uint8Array(this.size);
    }
    return this.#bytes;
  }
  place(pfn: number): void {
    this.checkEnd(pfn);
    this.#pfn = pfn;
  }
  private checkEnd(pfn: number): void {
    if ((pfn + this.pages) * this.#pageSize > 2 ** PHYS_BITS)
      throw buildError('build-address', this.label, `it would end behind the last address, 2^${PHYS_BITS}`);
  }
  /** Its pages as blocks of the map of preserved memory; none if it is not preserved. */
  *blocks(): Iterable<BlockRun> {
    const { preserve, pages, pfn } = this;
    if (preserve === undefined) return;
    if (typeof preserve === 'object') {
      yield { pfn, order: preserve.order, count: pages / 2 ** preserve.order };
      return;
    }
    for (let at = pfn, left = pages; left > 0; ) {
      const order = Math.min(at === 0 ? PHYS_BITS : trailingZeros(at), Math.floor(Math.log2(left)));
      yield { pfn: at, order, count: 1 };
      at += 2 ** order;
      left -= 2 ** order;
    }
  }
}

/** Page frames may have more than 32 bits. */
function trailingZeros(value: number): number {
  const low = value % 2 ** 31;
  return low === 0 ? 31 + trailingZeros(value / 2 ** 31) : 31 - Math.clz32(low & -low);
}

export interface MemoryOptions {
  readonly abi: ABI;
  /** Where automatic addresses begin; 16 MiB if not given. */
  readonly base?: bigint | undefined;
  /** Automatic addresses have gaps between them that follow from this number; none if not given. */
  readonly seed?: number | undefined;
  /** Ranges that nothing may be put into. */
  readonly reserved?: readonly { readonly address: bigint; readonly size: bigint; readonly label: string }[];
}

/** Page frames at addresses that somebody chose. */
interface Taken {
  readonly start: number;
  readonly end: number;
  readonly label: string;
  /** When it was asked for. */
  readonly order: number;
}

const DEFAULT_BASE = 0x1000000n;
/** Gaps have less than this many pages. */
const LARGEST_GAP = 16;

export class MemoryBuilder {
  readonly abi: ABI;
  readonly #regions: Region[] = [];
  #pending: Region[] = [];
  readonly #writes: (() => void)[] = [];
  /** What has an address that somebody chose, sorted; and what was asked for since it was. */
  #taken: Taken[] = [];
  #asked: Taken[] = [];
  /** Whether something got an automatic address already. */
  #hasPlaced = false;
  #next: number;
  readonly #gap: (() => number) | undefined;

  constructor({ abi, base = DEFAULT_BASE, seed, reserved = [] }: MemoryOptions) {
    this.abi = abi;
    const { pageSize } = abi;
    this.#next = Number((base + BigInt(pageSize) - 1n) / BigInt(pageSize));
    this.#gap = seed === undefined ? undefined : random(seed);
    for (const { address, size, label } of reserved)
      if (size > 0n)
        this.#take(
          Number(address / BigInt(pageSize)),
          Number((address + size + BigInt(pageSize) - 1n) / BigInt(pageSize)),
          label,
        );
  }

  get pageSize(): number {
    return this.abi.pageSize;
  }
  get regions(): readonly Region[] {
    return this.#regions;
  }

  /** Asks for a region. @throws `build-address`, `build-value` */
  region(request: RegionRequest): Region {
    const region = new Region(request, this.pageSize);
    this.#regions.push(region);
    if (region.wanted === undefined) this.#pending.push(region);
    else {
      this.#take(region.wanted, region.wanted + region.pages, region.label);
      region.place(region.wanted);
    }
    return region;
  }

  /** Writes a value into a region when all addresses are known. */
  write<S extends Schema>(region: Region, offset: number, schema: S, value: () => InputOf<S>): void {
    this.fill(region, (bytes) => bytes.set(encode(schema, value(), { abi: this.abi }), offset));
  }
  /** Writes bytes into a region when all addresses are known. */
  fill(region: Region, write: (bytes: Uint8Array) => void): void {
    this.#writes.push(() => write(region.bytes));
  }

  /**
   * Gives everything that has none yet an address: in the order in which it was asked for.
   *
   * @throws `build-overlap` where addresses that were asked for do not go together.
   */
  place(): void {
    this.#arrange();
    if (this.#pending.length > 0) this.#hasPlaced = true;
    for (const region of this.#pending) region.place(this.#room(region));
    this.#pending = [];
  }

  /** Does all writes. Everything has to be placed. */
  finish(): void {
    this.place();
    for (const write of this.#writes.splice(0)) write();
  }

  /** What memory holds, by ascending address. */
  *segments(): Iterable<MemorySegment> {
    for (const region of [...this.#regions].sort((a, b) => a.pfn - b.pfn))
      yield* segmentsOf(region, this.pageSize);
  }

  /** The first place behind what was placed before where it fits. */
  #room({ pages, align }: Region): number {
    const gap = this.#gap === undefined ? 0 : Math.floor(this.#gap() * LARGEST_GAP);
    let start = Math.ceil((this.#next + gap) / align) * align;
    for (let i = this.#after(start); i < this.#taken.length; i++) {
      const taken = this.#taken[i];
      if (taken === undefined || taken.start >= start + pages) break;
      if (taken.end > start) start = Math.ceil(taken.end / align) * align;
    }
    this.#next = start + pages;
    return start;
  }

  /** The first of those that end behind a page frame. */
  #after(pfn: number): number {
    let low = 0;
    let high = this.#taken.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#taken[middle]?.end ?? 0) > pfn) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #take(start: number, end: number, label: string): void {
    this.#asked.push({ start, end, label, order: this.#taken.length + this.#asked.length });
  }

  /** Sorts what was asked for in, and sees that nothing lies in the same place. */
  #arrange(): void {
    if (this.#asked.length === 0) return;
    const asked = this.#asked;
    this.#asked = [];
    this.#taken = [...this.#taken, ...asked].sort((a, b) => a.start - b.start || a.order - b.order);
    let reach: Taken | undefined;
    for (const range of this.#taken) {
      if (reach !== undefined && range.start < reach.end) {
        const [other, later] = reach.order < range.order ? [reach, range] : [range, reach];
        throw buildError(
          'build-overlap',
          later.label,
          `it would lie where ${other.label} is: 0x${(range.start * this.pageSize).toString(16)}`,
        );
      }
      reach = range;
    }
    if (!this.#hasPlaced) return;
    for (const range of asked)
      if (this.#regions.some((region) => region.isPlaced && overlaps(region, range)))
        throw buildError('build-overlap', range.label, 'something else was put there already');
  }
}

/**
 * A region that was written to is one segment. Of others, pages of which a part is absent are not in the image;
 * what no part covers is zeros.
 */
function* segmentsOf(region: Region, pageSize: number): Iterable<MemorySegment> {
  const { address } = region;
  if (region.isWritten) {
    yield { address, size: BigInt(region.size), content: region.bytes };
    return;
  }
  const page = BigInt(pageSize);
  const end = BigInt(region.size);
  let at = 0n;
  for (const [i, { offset, size, content }] of region.parts.entries()) {
    const from = content === undefined ? offset - (offset % page) : offset;
    // The zeros before it; behind a content they belong to its segment.
    if (from > at) yield { address: address + at, size: from - at };
    if (content === undefined) {
      at = roundUp(offset + size, page);
      continue;
    }
    if (offset + size <= at) continue;
    const next = region.parts[i + 1];
    const limit =
      next === undefined
        ? end
        : next.content === undefined
          ? next.offset - (next.offset % page)
          : next.offset;
    // What shares its first or last page with absent memory is absent too.
    const start = offset < at ? at : offset;
    if (limit > start)
      yield {
        address: address + start,
        size: limit - start,
        content: partOf(content, start - offset, limit - offset),
      };
    at = limit > at ? limit : at;
  }
  if (at < end) yield { address: address + at, size: end - at };
}
function roundUp(value: bigint, unit: bigint): bigint {
  return ((value + unit - 1n) / unit) * unit;
}

function overlaps(region: Region, range: Taken): boolean {
  return region.wanted === undefined && region.pfn < range.end && range.start < region.pfn + region.pages;
}
