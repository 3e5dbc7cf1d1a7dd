/** Writes compressed kdumps, as makedumpfile does: what crash, drgn and makedumpfile itself read. */

import { firstNonZero } from '../codec/bytes.js';
import { ABI, type ABI as ABIType, encode, sizeof } from '../codec/index.js';
import { memoryError } from './codes.js';
import type { Algorithm } from './decompress.js';
import { headerABI } from './elf.js';
import {
  DiskDumpHeader,
  KDUMP_SIGNATURE,
  KdumpSubHeader,
  PAGE_DESC_SIZE,
  PAGE_LZO,
  PAGE_SNAPPY,
  PAGE_ZLIB,
  PAGE_ZSTD,
  PageDesc,
} from './kdump.js';
import { LIMITS } from './limits.js';
import { unameOf } from './machine.js';
import { isZeroTails, VMCOREINFO_NOTE } from './notes.js';
import { arranged, type MemoryContents, type MemorySegment } from './segments.js';
import { parseVmcoreinfo } from './vmcoreinfo.js';
import { COMPRESSORS, type Compressor } from './write-compress.js';
import { asciiBytes, encodeNotes, notesOf } from './write-notes.js';
import { type PageRange, pageRanges, pagesOf } from './write-pages.js';
import { gathered, paddedTo, zeroPieces } from './write-pieces.js';

export interface KdumpOptions {
  /** How pages are stored that become smaller by it; `zlib` by default. */
  readonly compression?: Algorithm | 'none';
  /** Faster compressors than those of this library (zlib and snappy), or others. */
  readonly compressors?: Partial<Record<Algorithm, Compressor>>;
}

const VERSION = 6;
const MIN_PAGE = 4096;
const MAX_PAGE = 0x10000;
/** Zero pages share one descriptor's content: what makedumpfile calls dump level 1. */
const LEVEL_ZERO = 1;
/** The header's count of pages is the largest there is where it does not fit; the sub header has it in 64 bits. */
const SATURATED = 0xffffffff;
const STATUS: Readonly<Record<Algorithm, number>> = {
  zlib: PAGE_ZLIB,
  lzo: PAGE_LZO,
  snappy: PAGE_SNAPPY,
  zstd: PAGE_ZSTD,
};

/**
 * The bytes of a kdump of header version 6, piece by piece in the order of the file. The pieces must not be
 * written to. Pages are there as a whole or not at all: of one that segments cover in part, the rest is zero.
 *
 * The descriptors of all pages come before the pages, so every page is compressed to know its size, and kept
 * until it is written as far as 64 MiB go; dumps that are larger are compressed twice.
 *
 * @throws `memory-write` for segments that overlap, a machine without byte order or width, a page size that is
 * none, or memory so far up that a bitmap of all pages below would be larger than 2 GiB.
 */
export function writeKdump(memory: MemoryContents, options: KdumpOptions = {}): Generator<Uint8Array, void> {
  const segments = arranged(memory.segments);
  const layout = layoutOf(memory, segments);
  const { compression = 'zlib' } = options;
  const packer: Packer | undefined =
    compression === 'none' ? undefined : packerOf(compression, options.compressors);
  return gathered(kdumpPieces(memory, segments, layout, packer));
}

interface Packer {
  readonly flag: number;
  readonly compress: Compressor;
}
function packerOf(algorithm: Algorithm, own: KdumpOptions['compressors']): Packer {
  const compress = own?.[algorithm] ?? COMPRESSORS[algorithm];
  if (compress === undefined)
    throw memoryError('memory-write', `there is no compressor for ${algorithm}`, {
      expected: `one of ${Object.keys(COMPRESSORS).join(', ')}, or a compressor that is given`,
      found: algorithm,
    });
  return { flag: STATUS[algorithm], compress };
}

interface Layout {
  readonly abi: ABIType;
  readonly bits: 32 | 64;
  readonly pageSize: number;
  readonly ranges: readonly PageRange[];
  /** First page after all others. */
  readonly pages: number;
  /** Pages that are stored. */
  readonly stored: number;
  /** Bytes of one bitmap. */
  readonly bitmapBytes: number;
}

function layoutOf(memory: MemoryContents, segments: readonly MemorySegment[]): Layout {
  const { machine } = memory;
  const { endian, bits } = machine;
  if (endian === undefined || bits === undefined)
    throw memoryError('memory-write', 'a kdump needs to know the byte order and width of its machine', {
      path: ['machine'],
      expected: 'endian and bits',
      found: machine.name,
    });
  const pageSize = memory.pageSize ?? machine.abi?.pageSize ?? 0;
  if (!(pageSize >= MIN_PAGE && pageSize <= MAX_PAGE && (pageSize & (pageSize - 1)) === 0))
    throw memoryError('memory-write', 'a kdump needs to know how large its pages are', {
      path: ['pageSize'],
      expected: `a power of two from ${MIN_PAGE} to ${MAX_PAGE}`,
      found: String(memory.pageSize),
    });
  const last = segments[segments.length - 1];
  const end = last === undefined ? 0n : last.address + last.size;
  const most = BigInt(pageSize) * BigInt(LIMITS.bitmapBytes) * 8n;
  if (end > most)
    throw memoryError('memory-write', 'the memory lies too far up for a kdump, whose bitmaps begin at 0', {
      expected: `memory below 0x${most.toString(16)}`,
      found: `memory up to 0x${end.toString(16)}`,
    });
  const ranges = pageRanges(segments, pageSize);
  const pages = ranges[ranges.length - 1]?.to ?? 0;
  return {
    // 32-bit machines that align 64-bit integers to 4 have their own sub header; readers tell it by its sizes.
    abi: bits === 32 && endian === 'little' && isI386(machine.name) ? ABI.i386 : headerABI(endian, bits),
    bits,
    pageSize,
    ranges,
    pages,
    stored: ranges.reduce((sum, { from, to }) => sum + to - from, 0),
    // There is one block at least: a reader takes a dump without bitmaps for damaged.
    bitmapBytes: Math.max(1, Math.ceil(pages / 8 / pageSize)) * pageSize,
  };
}

function isI386(name: string): boolean {
  return /^i[3-6]86$/.test(name);
}

function* kdumpPieces(
  memory: MemoryContents,
  segments: readonly MemorySegment[],
  layout: Layout,
  packer: Packer | undefined,
): Generator<Uint8Array, void> {
  const { pageSize, abi, bitmapBytes, stored } = layout;
  const headers = headersOf(memory, layout, packer);
  yield headers;
  // The pages that exist, and those that are stored: all of them.
  yield* bitmap(layout);
  yield* bitmap(layout);

  // The first datum is the page that all zero pages share.
  const dataAt = headers.length + 2 * bitmapBytes + PAGE_DESC_SIZE * stored;
  const zeroDesc = describe(abi, dataAt, pageSize, 0);
  let kept: Uint8Array[] | undefined = [];
  let keptBytes = 0;
  let at = dataAt + pageSize;
  for (const item of packedPages(segments, pageSize, packer)) {
    if ('zeros' in item) {
      yield* repeated(zeroDesc, item.zeros);
      continue;
    }
    const { bytes, flag } = item;
    yield describe(abi, at, bytes.length, flag);
    at += bytes.length;
    keptBytes += bytes.length;
    if (keptBytes > KEPT_BYTES) kept = undefined;
    kept?.push(bytes);
  }
  const end = at;
  yield new Uint8Array(pageSize);
  if (kept !== undefined) {
    yield* kept;
    return;
  }
  at = dataAt + pageSize;
  for (const item of packedPages(segments, pageSize, packer)) {
    if ('zeros' in item) continue;
    yield item.bytes;
    at += item.bytes.length;
  }
  if (at !== end)
    throw memoryError('memory-write', 'the memory changed while it was written', {
      expected: `${end} bytes, by the first look at it`,
      found: `${at} bytes`,
    });
}

/** Compressed pages that are kept between finding their sizes and writing them. */
const KEPT_BYTES = 64 << 20;

type Packed = { readonly bytes: Uint8Array; readonly flag: number } | { readonly zeros: number };

/** Pages as they are stored. Those that do not become smaller stay as they are. */
function* packedPages(
  segments: readonly MemorySegment[],
  pageSize: number,
  packer: Packer | undefined,
): Generator<Packed, void> {
  for (const pages of pagesOf(segments, pageSize)) {
    if ('zeros' in pages) {
      yield pages;
      continue;
    }
    for (let from = 0; from < pages.bytes.length; from += pageSize) {
      const page = pages.bytes.subarray(from, from + pageSize);
      if (firstNonZero(page, 0, pageSize) < 0) {
        yield { zeros: 1 };
        continue;
      }
      const packed = packer?.compress(page);
      yield packer !== undefined && packed !== undefined && packed.length < pageSize
        ? { bytes: packed, flag: packer.flag }
        : { bytes: page, flag: 0 };
    }
  }
}

// --- headers and tables ------------------------------------------------------------------------------------

/** Main header, sub header and notes, up to the bitmaps. */
function headersOf(memory: MemoryContents, layout: Layout, packer: Packer | undefined): Uint8Array {
  const { abi, bits, pageSize, pages, bitmapBytes } = layout;
  const notes = notesOf(memory).filter((note) => !isZeroTails(note));
  const blob = encodeNotes(notes, abi.endian);
  const infoIndex = notes.findIndex(({ name }) => name === VMCOREINFO_NOTE);
  const infoBytes = notes[infoIndex]?.content;
  const info = infoBytes === undefined ? undefined : parseVmcoreinfo(infoBytes);
  const notesAt = pageSize + sizeof(KdumpSubHeader, abi);
  const physBase = info?.number('phys_base') ?? info?.number('PHYS_OFFSET') ?? 0n;
  const sub = encode(
    KdumpSubHeader,
    {
      phys_base: BigInt.asUintN(bits, physBase),
      dump_level: LEVEL_ZERO,
      split: 0,
      start_pfn: 0,
      end_pfn: 0,
      // Never 0 but for i386: this is by what readers tell its layout from that of other 32-bit machines.
      offset_vmcoreinfo:
        infoBytes === undefined && abi === ABI.i386 ? 0 : notesAt + (blob.contentAt[infoIndex] ?? 0),
      size_vmcoreinfo: infoBytes?.length ?? 0,
      offset_note: notes.length === 0 ? 0 : notesAt,
      size_note: blob.bytes.length,
      offset_eraseinfo: 0,
      size_eraseinfo: 0,
      start_pfn_64: 0,
      end_pfn_64: 0,
      max_mapnr_64: pages,
    },
    { abi },
  );
  const second = new Uint8Array(sub.length + blob.bytes.length);
  second.set(sub);
  second.set(blob.bytes, sub.length);
  const subBlocks = Math.ceil(second.length / pageSize);
  const processors = notes.filter(({ name, type }) => name === 'CORE' && type === NT_PRSTATUS).length;
  const header = encode(
    DiskDumpHeader,
    {
      signature: asciiBytes(KDUMP_SIGNATURE),
      header_version: VERSION,
      utsname: {
        sysname: info?.release === undefined ? '' : 'Linux',
        nodename: '',
        release: (info?.release ?? '').slice(0, UTS_LENGTH),
        version: '',
        machine: unameOf(memory.machine).slice(0, UTS_LENGTH),
        domainname: '',
      },
      timestamp: { tv_sec: 0, tv_usec: 0 },
      status: packer?.flag ?? 0,
      block_size: pageSize,
      sub_hdr_size: subBlocks,
      bitmap_blocks: (2 * bitmapBytes) / pageSize,
      max_mapnr: Math.min(pages, SATURATED),
      total_ram_blocks: 0,
      device_blocks: 0,
      written_blocks: 0,
      current_cpu: 0,
      nr_cpus: Math.max(1, processors),
    },
    { abi },
  );
  const headers = new Uint8Array(pageSize * (1 + subBlocks));
  headers.set(header);
  headers.set(paddedTo(second, pageSize), pageSize);
  return headers;
}
const NT_PRSTATUS = 1;
/** A field of `utsname` without its NUL. */
const UTS_LENGTH = 64;

/** Bytes of a bitmap that are made at once. */
const BITMAP_STEP = 1 << 16;

/** A bit for each page, from the low end of each byte on. */
function* bitmap({ ranges, bitmapBytes }: Layout): Generator<Uint8Array, void> {
  let index = 0;
  for (let at = 0; at < bitmapBytes; at += BITMAP_STEP) {
    const size = Math.min(BITMAP_STEP, bitmapBytes - at);
    const first = at * 8;
    const end = first + size * 8;
    let bytes: Uint8Array | undefined;
    for (; index < ranges.length; index++) {
      const range = ranges[index];
      if (range === undefined || range.from >= end) break;
      bytes ??= new Uint8Array(size);
      setBits(bytes, Math.max(range.from, first) - first, Math.min(range.to, end) - first);
      if (range.to > end) break;
    }
    if (bytes === undefined) yield* zeroPieces(BigInt(size));
    else yield bytes;
  }
}

function setBits(bytes: Uint8Array, from: number, to: number): void {
  let bit = from;
  for (; bit < to && (bit & 7) !== 0; bit++) bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (1 << (bit & 7));
  const whole = to >> 3;
  if (bit < to) bytes.fill(0xff, bit >> 3, Math.max(whole, bit >> 3));
  for (bit = Math.max(bit, whole * 8); bit < to; bit++)
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (1 << (bit & 7));
}

function describe(abi: ABIType, offset: number, size: number, flag: number): Uint8Array {
  return encode(PageDesc, { offset, size, flags: flag, page_flags: 0 }, { abi });
}

/** Descriptors that are put together where many are the same. */
const REPEATED = 2048;

function* repeated(bytes: Uint8Array, count: number): Generator<Uint8Array, void> {
  const block = new Uint8Array(bytes.length * Math.min(count, REPEATED));
  for (let at = 0; at < block.length; at += bytes.length) block.set(bytes, at);
  for (let left = count; left > 0; left -= REPEATED)
    yield left >= REPEATED ? block : block.subarray(0, left * bytes.length);
}
