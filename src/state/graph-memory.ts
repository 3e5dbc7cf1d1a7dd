/** The memory that files keep, as page frames: to tell whose memory a domain maps. */
import { FRAME, type Mappings } from '../formats/pgtable/index.js';
import { isIterable } from './graph-words.js';

interface Piece {
  /** Page frames of 4 KiB. */
  readonly start: number;
  readonly end: number;
}
export interface FileMemory {
  readonly bytes: bigint;
  /** Pieces that follow each other in memory. */
  readonly runs: number;
  readonly first: bigint | undefined;
  /** By ascending address, without overlap. */
  readonly pieces: readonly Piece[];
}

/** The folios that what a handler decoded lists; none where it lists none. */
export function fileMemory(value: Readonly<Record<string, unknown>>, pageSize: number): FileMemory {
  const found: Piece[] = [];
  const scale = pageSize / FRAME;
  if (isIterable(value.folios))
    for (const run of value.folios) {
      if (typeof run !== 'object' || run === null) continue;
      // Huge pages of one file are all of the same order, which is told with the file.
      const { pfn, order = value.order ?? 0, count = 1, step } = run as Readonly<Record<string, unknown>>;
      if (typeof pfn !== 'bigint' || typeof order !== 'number' || typeof count !== 'number') continue;
      const pages = count * 2 ** order;
      const start = Number(pfn) - (step === -1 ? pages - 2 ** order : 0);
      found.push({ start: start * scale, end: (start + pages) * scale });
    }
  found.sort((a, b) => a.start - b.start);
  const pieces: { start: number; end: number }[] = [];
  let frames = 0;
  for (const { start, end } of found) {
    const last = pieces.at(-1);
    if (last === undefined || start > last.end) pieces.push({ start, end });
    else last.end = Math.max(last.end, end);
  }
  for (const { start, end } of pieces) frames += end - start;
  const [first] = pieces;
  return {
    bytes: BigInt(frames) * BigInt(FRAME),
    runs: pieces.length,
    first: first === undefined ? undefined : BigInt(first.start) * BigInt(FRAME),
    pieces,
  };
}

/** Pieces and mappings that are compared for one domain: a picture does not need more. */
const MAX_STEPS = 1 << 22;

export interface MappedMemory {
  readonly bytes: bigint;
  /** Whether everything was compared; more may be mapped otherwise. */
  readonly complete: boolean;
}

/** How much of a file's memory mappings lead to; what is mapped twice counts twice. */
export function mappedOf(mappings: Mappings, { pieces }: FileMemory): MappedMemory {
  let frames = 0;
  let steps = 0;
  for (let i = 0; i < mappings.length; i++) {
    const start = mappings.physFrameAt(i);
    const end = start + mappings.framesAt(i);
    for (let at = firstEndingAfter(pieces, start); ; at++) {
      if (++steps > MAX_STEPS) return { bytes: BigInt(frames) * BigInt(FRAME), complete: false };
      const piece = pieces[at];
      if (piece === undefined || piece.start >= end) break;
      frames += Math.min(end, piece.end) - Math.max(start, piece.start);
    }
  }
  return { bytes: BigInt(frames) * BigInt(FRAME), complete: true };
}

function firstEndingAfter(pieces: readonly Piece[], frame: number): number {
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((pieces[middle]?.end ?? 0) > frame) high = middle;
    else low = middle + 1;
  }
  return low;
}
