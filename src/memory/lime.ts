/** LiME dumps: ranges of memory one after the other, each behind a header. AVML's first version is the same. */
import {
  byMagic,
  type CarryoverError,
  decodeAt,
  type Endian,
  negotiated,
  struct,
  u32,
  u64,
} from '../codec/index.js';
import { memoryError } from './codes.js';
import { headerABI } from './elf.js';
import type { Machine } from './image.js';
import type { Limits } from './limits.js';
import { RunImage, type RunPiece, storedPieces } from './runs.js';
import type { Source } from './source.js';

export const LIME_MAGIC = 0x4c694d45;

/** `lime_mem_range_header`, in the byte order of the kernel that was dumped. */
export const LimeHeader = negotiated(
  struct('lime_mem_range_header', {
    magic: u32,
    version: u32,
    s_addr: u64,
    /** The last address, not the one behind it. */
    e_addr: u64,
    reserved: u64,
  }),
  { endian: byMagic('magic', LIME_MAGIC) },
);
export const LIME_HEADER_SIZE = 32;
export const LIME_VERSION = 1;

/** Nothing in the file says more about the machine than its byte order. */
export function machineByOrder(endian: Endian): Machine {
  return { name: 'unknown', endian, bits: undefined, elfMachine: undefined, abi: undefined };
}

export class LimeImage extends RunImage {
  readonly kind = 'lime';
  readonly pageSize = undefined;
  readonly machine: Machine;
  readonly problems: CarryoverError[];

  constructor(source: Source, pieces: readonly RunPiece[], endian: Endian, problems: CarryoverError[]) {
    super(source, pieces);
    this.machine = machineByOrder(endian);
    this.problems = problems;
  }
}

interface RangeHeader {
  readonly start: bigint;
  /** First address behind it. */
  readonly end: bigint;
  readonly endian: Endian;
}

/** Opens a LiME dump. A range whose writing failed is shorter than its header says; it is cut where the next one begins. */
export function openLime(source: Source, limits: Limits): LimeImage {
  const problems: CarryoverError[] = [];
  const pieces: RunPiece[] = [];
  const first = rangeAt(source, 0);
  if (first === undefined) {
    const head = source.read(0, LIME_HEADER_SIZE);
    if (head.length < LIME_HEADER_SIZE)
      throw memoryError('memory-truncated', 'the file ends within the LiME header', {
        path: ['lime_mem_range_header'],
        offset: head.length,
      });
    throw memoryError(
      'memory-header',
      'the LiME header is of another version, or its range ends before it begins',
      {
        path: ['lime_mem_range_header'],
        offset: 4,
        expected: 'version 1, s_addr at most e_addr',
      },
    );
  }
  let range: RangeHeader | undefined = first;
  let at = 0;
  for (let index = 0; range !== undefined; index++) {
    if (index >= limits.segments)
      throw memoryError('memory-limit', 'the LiME dump has too many ranges', {
        offset: at,
        expected: `at most ${limits.segments}`,
      });
    const current: RangeHeader = range;
    const data = at + LIME_HEADER_SIZE;
    const size = current.end - current.start;
    const expected = BigInt(data) + size;
    let next = expected < BigInt(source.size) ? Number(expected) : source.size;
    range = expected === BigInt(source.size) ? undefined : rangeAt(source, next, current.end, first.endian);
    let stored = size;
    if (range === undefined && expected !== BigInt(source.size)) {
      const found = findHeader(source, data, current.end, first.endian, limits);
      if (found !== undefined) {
        next = found;
        range = rangeAt(source, found, current.end, first.endian);
        stored = BigInt(found - data) < size ? BigInt(found - data) : size;
      }
      problems.push(
        expected > BigInt(source.size) && found === undefined
          ? memoryError('memory-cut-short', `range ${index} ends beyond the file`, { offset: source.size })
          : memoryError('memory-damaged', `no header follows range ${index} where it should`, {
              path: ['range', index],
              offset: Number(expected < BigInt(source.size) ? expected : BigInt(source.size)),
              expected: 'a LiME header',
              found: found === undefined ? 'none in what follows' : `one at 0x${found.toString(16)}`,
            }),
      );
    }
    const label = `range ${index}`;
    for (const piece of storedPieces(source, {
      label,
      start: current.start,
      size: stored,
      offset: BigInt(data),
      rank: index,
      missingRank: limits.segments + index,
    }))
      pieces.push(piece);
    if (stored < size)
      pieces.push({
        state: 'absent',
        label,
        start: current.start + stored,
        end: current.end,
        rank: limits.segments + index,
        reason: 'not-in-dump',
        detail: `writing ${label} failed: the next range follows early`,
      });
    at = next;
  }
  return new LimeImage(source, pieces, first.endian, problems);
}

/** The header at an offset, if there is a plausible one there. */
function rangeAt(source: Source, at: number, after = 0n, order?: Endian): RangeHeader | undefined {
  const bytes = source.read(at, LIME_HEADER_SIZE);
  if (bytes.length < LIME_HEADER_SIZE || !hasMagic(bytes, 0)) return undefined;
  // The magic decides, and nothing else of the machine matters; there may be a million headers.
  const endian: Endian = bytes[0] === 0x45 ? 'little' : 'big';
  const header = decodeAt(LimeHeader, bytes, 0, { abi: headerABI(endian, 64) }).value;
  if (header.version !== LIME_VERSION || header.s_addr > header.e_addr || header.s_addr < after)
    return undefined;
  if (order !== undefined && endian !== order) return undefined;
  return { start: header.s_addr, end: header.e_addr + 1n, endian };
}

function hasMagic(bytes: Uint8Array, at: number): boolean {
  const b = (i: number) => bytes[at + i];
  return (
    (b(0) === 0x45 && b(1) === 0x4d && b(2) === 0x69 && b(3) === 0x4c) ||
    (b(0) === 0x4c && b(1) === 0x69 && b(2) === 0x4d && b(3) === 0x45)
  );
}

/** Things that look like a header and are none, after which the search is given up. */
const MAX_CANDIDATES = 4096;

/** Searches for the next header, of a range that lies after the last one, within a limit. */
function findHeader(
  source: Source,
  from: number,
  after: bigint,
  order: Endian,
  limits: Limits,
): number | undefined {
  const stop = Math.min(source.size, from + limits.searchBytes);
  const step = 1 << 20;
  let candidates = MAX_CANDIDATES;
  for (let at = from; at < stop; at += step) {
    // A header may lie across the border of two steps.
    const bytes = source.read(at, step + LIME_HEADER_SIZE - 1);
    for (let i = 0; i + LIME_HEADER_SIZE <= bytes.length && i < step; i++)
      if (hasMagic(bytes, i)) {
        if (rangeAt(source, at + i, after, order) !== undefined) return at + i;
        if (--candidates === 0) return undefined;
      }
  }
  return undefined;
}
