/** Compressed kdumps (makedumpfile, QEMU, diskdump) as physical memory; also split into several files. */

import { firstNonZero } from '../codec/bytes.js';
import {
  ABI,
  type ABI as ABIType,
  type CarryoverError,
  decodeAt,
  planOf,
  type ValueOf,
} from '../codec/index.js';
import { FileBitmap } from './bitmap.js';
import { memoryError } from './codes.js';
import type { Algorithm, Decompressor } from './decompress.js';
import {
  type Absence,
  type AbsenceReason,
  absence,
  absentPlace,
  BaseImage,
  type Machine,
  type Place,
  type Region,
} from './image.js';
import {
  DISKDUMP_SIGNATURE,
  DiskDumpHeader,
  KDUMP_SIGNATURE,
  KdumpSubHeader,
  PAGE_DESC_SIZE,
  PAGE_LZO,
  PAGE_SNAPPY,
  PAGE_ZLIB,
  PAGE_ZSTD,
  PageDesc,
  SIGNATURE_SIZE,
} from './kdump.js';
import type { Limits } from './limits.js';
import { machineOfNotes, machineOfUname, withPageSize } from './machine.js';
import { type ElfNote, parseNotes } from './notes.js';
import type { Source } from './source.js';
import { parseVmcoreinfo, type Vmcoreinfo } from './vmcoreinfo.js';

/** What the headers of one file say. Page numbers are those of physical memory. */
export interface KdumpHeaders {
  readonly abi: ABIType;
  readonly bits: 32 | 64;
  readonly header: ValueOf<typeof DiskDumpHeader>;
  readonly sub: ValueOf<typeof KdumpSubHeader>;
  readonly blockSize: number;
  /** Pages that the bitmaps cover. */
  readonly pages: number;
  /** The pages whose descriptors are in this file. */
  readonly startPage: number;
  readonly endPage: number;
  readonly split: boolean;
}

interface Part extends KdumpHeaders {
  readonly source: Source;
  /** Pages that exist, where the file has a bitmap of them. */
  readonly existing: FileBitmap | undefined;
  readonly stored: FileBitmap;
  /** Where the page descriptors begin. */
  readonly table: number;
}

/** Opens a kdump, or the parts of a split one in any order. Throws only where the headers cannot be read. */
export function openKdump(
  sources: readonly Source[],
  limits: Limits,
  decompressors: Readonly<Record<Algorithm, Decompressor>>,
): KdumpImage {
  const problems: CarryoverError[] = [];
  const parts = sources.map((source, index) => openPart(source, index, limits, problems));
  parts.sort((a, b) => a.startPage - b.startPage);
  checkSplit(parts);
  const [first] = parts;
  if (first === undefined) throw memoryError('memory-split', 'no file was given');
  return new KdumpImage(first, parts, decompressors, limits, problems);
}

// --- headers -----------------------------------------------------------------------------------------------

/** The layouts to try, in this order: 64 bits and 32, little-endian and big. */
const LAYOUTS: readonly (readonly [ABIType, 32 | 64])[] = [
  [ABI.x86_64, 64],
  [ABI.s390x, 64],
  [ABI.arm, 32],
  [ABI.powerpc, 32],
];
const MIN_BLOCK = 512;
const MAX_BLOCK = 0x10000;

function openPart(source: Source, index: number, limits: Limits, problems: CarryoverError[]): Part {
  const headers = readKdumpHeaders(source, limits);
  const { blockSize, header, pages } = headers;
  const bitmapBytes = header.bitmap_blocks * blockSize;
  const bitmapAt = blockSize * (1 + header.sub_hdr_size);
  // Old diskdumps have one bitmap, of the pages stored.
  const two = (bitmapBytes / 2) * 8 >= pages;
  const half = two ? bitmapBytes / 2 : bitmapBytes;
  const table = bitmapAt + bitmapBytes;
  const storedAt = two ? bitmapAt + half : bitmapAt;
  // A part that owns no pages ends with the last bit that counts.
  const needed = storedAt + Math.ceil(pages / 8);
  if (needed > source.size)
    problems.push(
      memoryError('memory-cut-short', 'the file ends within its bitmaps', {
        path: index === 0 ? [] : [`part ${index}`],
        offset: source.size,
        expected: `bitmaps up to 0x${needed.toString(16)}`,
      }),
    );
  return {
    ...headers,
    source,
    existing: two ? new FileBitmap(source, bitmapAt, pages) : undefined,
    stored: new FileBitmap(source, storedAt, pages),
    table,
  };
}

/** Whether the file begins as a kdump or diskdump does. */
export function isKdump(head: Uint8Array): boolean {
  const signature = String.fromCharCode(...head.subarray(0, SIGNATURE_SIZE));
  return signature === KDUMP_SIGNATURE || signature === DISKDUMP_SIGNATURE;
}

/** Reads main and sub header. Byte order and width are those in which the sizes make sense. */
export function readKdumpHeaders(source: Source, limits: Limits): KdumpHeaders {
  const head = source.read(0, MIN_BLOCK);
  const needed = planOf(DiskDumpHeader, ABI.x86_64).size ?? MIN_BLOCK;
  if (head.length < needed)
    throw memoryError('memory-truncated', 'the file ends within the kdump header', {
      path: ['disk_dump_header'],
      offset: head.length,
      expected: `${needed} bytes`,
      found: `${head.length} bytes`,
    });
  for (const [abi, bits] of LAYOUTS) {
    const header = decodeAt(DiskDumpHeader, head, 0, { abi }).value;
    if (plausible(header)) return withSubHeader(source, abi, bits, header, limits);
  }
  const { block_size, sub_hdr_size, bitmap_blocks } = decodeAt(DiskDumpHeader, head, 0, {
    abi: ABI.x86_64,
  }).value;
  throw memoryError('memory-header', 'the sizes in the kdump header make sense in no byte order and width', {
    path: ['disk_dump_header', 'block_size'],
    offset: 428,
    expected: 'a block size that is a power of two from 512 to 65536, and bitmaps that cover all pages',
    found: `block_size ${block_size}, sub_hdr_size ${sub_hdr_size}, bitmap_blocks ${bitmap_blocks}`,
  });
}

function plausible({
  block_size: size,
  sub_hdr_size: sub,
  bitmap_blocks: blocks,
  max_mapnr,
}: ValueOf<typeof DiskDumpHeader>): boolean {
  return (
    size >= MIN_BLOCK &&
    size <= MAX_BLOCK &&
    (size & (size - 1)) === 0 &&
    sub >= 1 &&
    sub <= 0x100000 &&
    blocks >= 1 &&
    // The number of pages is saturated at 32 bits, where the sub header has it in 64.
    (blocks * size * 8 >= max_mapnr || max_mapnr === 0xffffffff)
  );
}

function withSubHeader(
  source: Source,
  abi: ABIType,
  bits: 32 | 64,
  header: ValueOf<typeof DiskDumpHeader>,
  limits: Limits,
): KdumpHeaders {
  const blockSize = header.block_size;
  const bitmapBytes = header.bitmap_blocks * blockSize;
  if (bitmapBytes > 2 * limits.bitmapBytes)
    throw memoryError('memory-limit', 'the bitmaps are larger than any memory needs', {
      path: ['disk_dump_header', 'bitmap_blocks'],
      expected: `at most ${2 * limits.bitmapBytes} bytes`,
      found: `${bitmapBytes} bytes`,
    });
  const version = header.header_version;
  const bytes = source.read(blockSize, blockSize);
  const sub = readSubHeader(bytes, abi, bits, header, version);
  // One bitmap or both may be meant; more bits than both have are nowhere.
  const declared =
    version >= 6 && sub.max_mapnr_64 > 0n
      ? clampToNumber(sub.max_mapnr_64)
      : header.max_mapnr === 0xffffffff
        ? (bitmapBytes / 2) * 8
        : header.max_mapnr;
  if (declared > bitmapBytes * 8)
    throw memoryError('memory-header', 'the bitmaps are too small for the number of pages', {
      path: ['kdump_sub_header', 'max_mapnr_64'],
      offset: blockSize,
      expected: `at most ${bitmapBytes * 8} pages`,
      found: String(declared),
    });
  const split = version >= 2 && sub.split !== 0;
  const startPage = split ? clampToNumber(version >= 6 ? sub.start_pfn_64 : sub.start_pfn) : 0;
  const endPage = split
    ? Math.min(declared, clampToNumber(version >= 6 ? sub.end_pfn_64 : sub.end_pfn))
    : declared;
  if (split && startPage > clampToNumber(version >= 6 ? sub.end_pfn_64 : sub.end_pfn))
    throw memoryError('memory-header', 'the part begins after the page at which it ends', {
      path: ['kdump_sub_header', 'start_pfn_64'],
      offset: blockSize,
      expected: `at most ${endPage}`,
      found: String(startPage),
    });
  return {
    abi,
    bits,
    header,
    sub,
    blockSize,
    pages: declared,
    startPage: Math.min(startPage, endPage),
    endPage,
    split,
  };
}

/** Numbers of pages and bytes beyond 2^53 are as good as 2^53: no file is so large. */
function clampToNumber(value: bigint): number {
  return value > BigInt(Number.MAX_SAFE_INTEGER) ? Number.MAX_SAFE_INTEGER : Number(value);
}

function readSubHeader(
  bytes: Uint8Array,
  abi: ABIType,
  bits: 32 | 64,
  header: ValueOf<typeof DiskDumpHeader>,
  version: number,
): ValueOf<typeof KdumpSubHeader> {
  const decodeAs = (layout: ABIType): ValueOf<typeof KdumpSubHeader> => {
    const size = planOf(KdumpSubHeader, layout).size ?? 0;
    const padded = new Uint8Array(size);
    padded.set(bytes.subarray(0, size));
    return decodeAt(KdumpSubHeader, padded, 0, { abi: layout }).value;
  };
  if (bits === 64 || version < 3 || abi.endian === 'big') return decodeAs(abi);
  // A 32-bit little-endian writer is an i386, unless that puts VMCOREINFO where it cannot be.
  const packed = decodeAs(ABI.i386);
  const { offset_vmcoreinfo: offset, size_vmcoreinfo: size } = packed;
  const end = BigInt(header.block_size * (1 + header.sub_hdr_size));
  const fits =
    (offset === 0n && size === 0n) ||
    (offset > BigInt(header.block_size) && offset + size <= end && size > 0n);
  return fits ? packed : decodeAs(abi);
}

function checkSplit(parts: readonly Part[]): void {
  const [first, ...others] = parts;
  if (first === undefined || others.length === 0) return;
  const wrong = (reason: string) => memoryError('memory-split', reason);
  let end = first.endPage;
  if (parts.some((part) => !part.split))
    throw wrong('several files were given, and one of them is no part of a set');
  for (const part of others) {
    if (part.blockSize !== first.blockSize || part.pages !== first.pages || part.bits !== first.bits)
      throw wrong('the files are parts of different dumps: their page sizes or numbers of pages differ');
    if (part.startPage < end && part.startPage < part.endPage)
      throw wrong(`two parts both have the pages from ${part.startPage} on`);
    end = Math.max(end, part.endPage);
  }
}

// --- the image ---------------------------------------------------------------------------------------------

interface Descriptor {
  readonly offset: number;
  readonly size: number;
  readonly algorithm: Algorithm | undefined;
}
/** Why a page has no usable descriptor. */
interface BadPage {
  readonly reason: AbsenceReason;
  readonly detail: string;
}

/** Pages ahead that are looked at to say for how far memory is absent. */
const PAGES_AHEAD = 1 << 15;
/** Page descriptors that are compared at once. */
const DESCRIPTORS_AT_ONCE = 64;
/** Decompressed pages that are kept. */
const KEPT_PAGES = 64;
/** Offsets of pages stored as they are that are known to hold zeros: writers share one among all zero pages. */
const KEPT_ZEROS = 64;

export class KdumpImage extends BaseImage {
  readonly kind = 'kdump';
  readonly pageSize: number;
  readonly end: bigint;
  readonly problems: CarryoverError[];
  /** The headers as they stand in the first file. */
  readonly headers: KdumpHeaders;
  private readonly first: Part;
  private readonly parts: readonly Part[];
  private readonly decompressors: Readonly<Record<Algorithm, Decompressor>>;
  private readonly limits: Limits;
  private readonly kept = new Map<number, Uint8Array>();
  private readonly zeros = new Map<string, boolean>();
  private parsedNotes: readonly ElfNote[] | undefined;
  private info: { readonly value: Vmcoreinfo | undefined } | undefined;

  constructor(
    first: Part,
    parts: readonly Part[],
    decompressors: Readonly<Record<Algorithm, Decompressor>>,
    limits: Limits,
    problems: CarryoverError[],
  ) {
    super();
    this.first = first;
    this.headers = first;
    this.parts = parts;
    this.decompressors = decompressors;
    this.limits = limits;
    this.problems = problems;
    this.pageSize = first.blockSize;
    this.end = BigInt(first.pages) * BigInt(first.blockSize);
  }

  get machine(): Machine {
    const { header, abi, bits } = this.first;
    const named = machineOfUname(header.utsname.machine, abi.endian, bits);
    // QEMU writes "Unknown" for the name.
    const machine = named.abi === undefined ? machineOfNotes(this.notes(), abi.endian, bits) : undefined;
    return withPageSize(machine ?? named, this.pageSize);
  }

  *regions(): Iterable<Region> {
    const size = BigInt(this.pageSize);
    for (const part of this.parts) {
      const { stored, endPage } = part;
      let page = stored.next(part.startPage, true);
      while (page < endPage) {
        const end = Math.min(endPage, stored.next(page, false));
        yield { address: BigInt(page) * size, size: BigInt(end - page) * size, state: 'data' };
        page = stored.next(end, true);
      }
    }
  }

  protected place(address: bigint): Place {
    const size = BigInt(this.pageSize);
    const page = Number(address / size);
    const within = Number(address % size);
    const part = this.parts.find((candidate) => page >= candidate.startPage && page < candidate.endPage);
    if (part === undefined) {
      const next = this.parts.find(({ startPage, endPage }) => startPage > page && endPage > startPage);
      const end = next?.startPage ?? this.first.pages;
      return absentPlace(
        'other-part',
        address,
        BigInt(end) * size - address,
        'the page is in another part of the split dump',
      );
    }
    const { stored, existing } = part;
    if (!stored.has(page)) {
      const excluded = existing?.has(page) === true;
      let end = stored.next(page, true, Math.min(part.endPage, page + PAGES_AHEAD));
      if (existing !== undefined) end = existing.next(page, !excluded, end);
      return absentPlace(
        excluded ? 'excluded' : 'not-in-dump',
        address,
        BigInt(end) * size - address,
        excluded ? 'the dump’s filter left the page out' : 'the dump does not have the page',
      );
    }
    const length = size - BigInt(within);
    const found = this.descriptor(part, page);
    if ('reason' in found) return absentPlace(found.reason, address, length, found.detail);
    if (found.algorithm === undefined && this.isZero(part, found))
      return {
        state: 'zero',
        length: length + BigInt(this.sameAfter(part, page)) * size,
        because: 'zero-page',
      };
    return {
      state: 'data',
      length,
      fileOffset: found.offset + (found.algorithm === undefined ? within : 0),
      stored: found.algorithm === undefined ? 'plain' : 'compressed',
    };
  }

  protected copy(_place: Place & { state: 'data' }, address: bigint, out: Uint8Array): Absence | undefined {
    const size = BigInt(this.pageSize);
    const page = Number(address / size);
    const within = Number(address % size);
    const bytes = this.page(page);
    if (!(bytes instanceof Uint8Array))
      return absence(bytes.reason, address, size - BigInt(within), bytes.detail);
    out.set(bytes.subarray(within, within + out.length));
    return undefined;
  }

  /** The content of a page that the dump stores. */
  private page(page: number): Uint8Array | BadPage {
    const known = this.kept.get(page);
    if (known !== undefined) {
      this.kept.delete(page);
      this.kept.set(page, known);
      return known;
    }
    const part = this.parts.find((candidate) => page >= candidate.startPage && page < candidate.endPage);
    if (part === undefined)
      return { reason: 'other-part', detail: 'the page is in another part of the split dump' };
    const found = this.descriptor(part, page);
    if ('reason' in found) return found;
    const stored = part.source.read(found.offset, found.size);
    if (stored.length < found.size) return CUT_SHORT;
    const bytes =
      found.algorithm === undefined ? stored : this.decompressors[found.algorithm](stored, this.pageSize);
    if (bytes === undefined)
      return {
        reason: 'undecodable',
        detail: `the ${found.size} bytes at 0x${found.offset.toString(16)} are no ${found.algorithm} stream of a page`,
      };
    if (this.kept.size >= KEPT_PAGES)
      for (const oldest of this.kept.keys()) if (this.kept.delete(oldest)) break;
    this.kept.set(page, bytes);
    return bytes;
  }

  private descriptor(part: Part, page: number): Descriptor | BadPage {
    const { source, table, abi } = part;
    const at = this.descriptorAt(part, page);
    const bytes = source.read(at, PAGE_DESC_SIZE);
    if (bytes.length < PAGE_DESC_SIZE)
      return {
        reason: 'file-truncated',
        detail: 'the descriptor of the page lies beyond the end of the file',
      };
    const { offset, size, flags } = decodeAt(PageDesc, bytes, 0, { abi }).value;
    if (offset === 0n)
      return { reason: 'file-truncated', detail: 'the page was not written: the dump is incomplete' };
    const bad = (detail: string): BadPage => ({
      reason: 'undecodable',
      detail: `${detail} (descriptor at 0x${at.toString(16)})`,
    });
    if (offset < BigInt(table)) return bad('the page is said to lie among the headers');
    if (offset + BigInt(size) > BigInt(source.size)) return CUT_SHORT;
    const algorithm = ALGORITHMS.get(flags);
    if (flags !== 0 && algorithm === undefined)
      return bad(`the flags 0x${flags.toString(16)} name no compression`);
    if (size === 0 || size > this.pageSize) return bad(`the page is said to be stored in ${size} bytes`);
    if (algorithm === undefined && size !== this.pageSize)
      return bad(`the page is not compressed, but stored in ${size} bytes`);
    return { offset: Number(offset), size, algorithm };
  }

  /**
   * How many pages right after this one share its descriptor's content: most pages of most dumps are zero, and
   * whoever looks through a dump should not have to stop at each.
   */
  private sameAfter(part: Part, page: number): number {
    const { source, stored } = part;
    const end = stored.next(page, false, Math.min(part.endPage, page + DESCRIPTORS_AT_ONCE));
    const bytes = source.read(this.descriptorAt(part, page), PAGE_DESC_SIZE * (end - page));
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    // Offset, size and flags: the first 16 bytes of a descriptor, in whatever byte order.
    const words = [0, 4, 8, 12].map((word) => (bytes.length < 16 ? 0 : view.getInt32(word)));
    const [a, b, c, d] = words;
    let at = PAGE_DESC_SIZE;
    while (
      at + PAGE_DESC_SIZE <= bytes.length &&
      view.getInt32(at) === a &&
      view.getInt32(at + 4) === b &&
      view.getInt32(at + 8) === c &&
      view.getInt32(at + 12) === d
    )
      at += PAGE_DESC_SIZE;
    return at / PAGE_DESC_SIZE - 1;
  }

  /**
   * Where the descriptor of the page at an address stands in the file; undefined where the page has none, or
   * the dump is in several files.
   */
  descriptorOf(address: bigint): { readonly offset: number; readonly abi: ABIType } | undefined {
    const page = Number(address / BigInt(this.pageSize));
    const [part] = this.parts;
    if (part === undefined || this.parts.length > 1 || part.split) return undefined;
    if (page < part.startPage || page >= part.endPage || !part.stored.has(page)) return undefined;
    return { offset: this.descriptorAt(part, page), abi: part.abi };
  }

  private descriptorAt({ stored, table, startPage }: Part, page: number): number {
    const before = startPage === 0 ? 0 : stored.rank(startPage);
    return table + PAGE_DESC_SIZE * (stored.rank(page) - before);
  }

  /** Whether a page that is stored as it is holds zeros. */
  private isZero(part: Part, { offset, size }: Descriptor): boolean {
    const key = this.parts.length === 1 ? String(offset) : `${this.parts.indexOf(part)}:${offset}`;
    const known = this.zeros.get(key);
    if (known !== undefined) return known;
    const zero = firstNonZero(part.source.read(offset, size), 0, size) < 0;
    if (this.zeros.size >= KEPT_ZEROS)
      for (const oldest of this.zeros.keys()) if (this.zeros.delete(oldest)) break;
    this.zeros.set(key, zero);
    return zero;
  }

  // The blob of notes has held them since version 4; before, VMCOREINFO stood alone.
  override notes(): readonly ElfNote[] {
    if (this.parsedNotes !== undefined) return this.parsedNotes;
    const { header, sub, source, abi } = this.first;
    const bytes =
      header.header_version >= 4 ? this.blob(sub.offset_note, sub.size_note, source) : new Uint8Array(0);
    const { notes, damagedAt } = parseNotes(bytes, abi.endian);
    if (damagedAt !== undefined)
      this.problems.push(
        memoryError('memory-note', 'a note is longer than its segment', {
          offset: Number(sub.offset_note) + damagedAt,
        }),
      );
    this.parsedNotes = notes;
    return notes;
  }
  override vmcoreinfo(): Vmcoreinfo | undefined {
    if (this.info === undefined) {
      const { header, sub, source } = this.first;
      const stored =
        header.header_version >= 3
          ? this.blob(sub.offset_vmcoreinfo, sub.size_vmcoreinfo, source)
          : new Uint8Array(0);
      const bytes =
        stored.length > 0 ? stored : this.notes().find((note) => note.name === 'VMCOREINFO')?.content;
      this.info = { value: bytes === undefined || bytes.length === 0 ? undefined : parseVmcoreinfo(bytes) };
    }
    return this.info.value;
  }
  private blob(offset: bigint, size: bigint, source: Source): Uint8Array {
    if (offset <= 0n || size <= 0n || offset >= BigInt(source.size)) return new Uint8Array(0);
    const length = size > BigInt(this.limits.noteBytes) ? this.limits.noteBytes : Number(size);
    return source.read(Number(offset), length).slice();
  }
}

const CUT_SHORT: BadPage = {
  reason: 'file-truncated',
  detail: 'the page is said to lie beyond the end of the file',
};

const ALGORITHMS: ReadonlyMap<number, Algorithm> = new Map([
  [PAGE_ZLIB, 'zlib'],
  [PAGE_LZO, 'lzo'],
  [PAGE_SNAPPY, 'snappy'],
  [PAGE_ZSTD, 'zstd'],
]);
