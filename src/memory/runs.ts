/** Memory that lies in a file as runs of plain bytes: what ELF cores, LiME and raw images have in common. */
import { type AbsenceReason, absence, absentPlace, BaseImage, type Place, type Region } from './image.js';
import { findRun, overlay, type Piece, type Visible } from './overlay.js';
import type { Source } from './source.js';

/** A part of the address space and what the file says of it. */
export type RunPiece = Piece<bigint> & {
  /** Names the part where it has to be named: `segment 3`. */
  readonly label: string;
} & (
    | { readonly state: 'data'; readonly offset: number }
    | { readonly state: 'zero' }
    | { readonly state: 'absent'; readonly reason: AbsenceReason; readonly detail: string }
  );
export type Run = Visible<bigint, RunPiece>;

export abstract class RunImage extends BaseImage {
  readonly end: bigint;
  protected readonly runs: readonly Run[];

  protected readonly source: Source;
  /** Also those that others hide. */
  private readonly pieces: readonly RunPiece[];

  constructor(source: Source, pieces: readonly RunPiece[]) {
    super();
    this.pieces = pieces;
    this.source = source;
    this.runs = overlay<bigint, RunPiece>(pieces);
    this.end = this.runs[this.runs.length - 1]?.end ?? 0n;
  }

  *regions(): Iterable<Region> {
    let current: { address: bigint; size: bigint; state: 'data' | 'zero' } | undefined;
    for (const { start, end, piece } of this.runs) {
      if (piece.state === 'absent') continue;
      if (current?.state === piece.state && current.address + current.size === start)
        current.size += end - start;
      else {
        if (current !== undefined) yield current;
        current = { address: start, size: end - start, state: piece.state };
      }
    }
    if (current !== undefined) yield current;
  }

  /**
   * Everywhere in the file that some memory stands: also in segments of which another one hides that part, and
   * which hold the same bytes.
   */
  *storedAt(
    address: bigint,
    length: number,
  ): Iterable<{ readonly address: bigint; readonly length: number; readonly fileOffset: number }> {
    const stop = address + BigInt(length);
    for (const piece of this.pieces) {
      if (piece.state !== 'data' || piece.start >= stop || piece.end <= address) continue;
      const from = piece.start > address ? piece.start : address;
      const to = piece.end < stop ? piece.end : stop;
      yield {
        address: from,
        length: Number(to - from),
        fileOffset: piece.offset + Number(from - piece.start),
      };
    }
  }

  protected place(address: bigint): Place {
    const index = findRun(this.runs, address);
    const run = this.runs[index];
    if (run === undefined || run.end <= address) {
      const next = this.runs[index + 1];
      return absentPlace(
        'not-in-dump',
        address,
        (next?.start ?? this.end) - address,
        'no part of the dump covers the address',
      );
    }
    const length = run.end - address;
    const { piece } = run;
    if (piece.state === 'zero') return { state: 'zero', length, because: 'segment-tail' };
    if (piece.state === 'absent') return absentPlace(piece.reason, address, length, piece.detail);
    const fileOffset = piece.offset + Number(address - piece.start);
    const stored = this.source.nextData?.(fileOffset) ?? fileOffset;
    if (stored > fileOffset) {
      const hole = BigInt(stored - fileOffset);
      return { state: 'zero', length: hole < length ? hole : length, because: 'file-hole', fileOffset };
    }
    return { state: 'data', length, fileOffset, stored: 'plain' };
  }

  protected copy(place: Place & { state: 'data' }, address: bigint, out: Uint8Array) {
    const bytes = this.source.read(place.fileOffset, out.length);
    out.set(bytes);
    if (bytes.length === out.length) return undefined;
    return absence(
      'file-truncated',
      address + BigInt(bytes.length),
      place.length - BigInt(bytes.length),
      'the file became shorter while it was read',
    );
  }
}

/**
 * The pieces of a run of bytes that a header places in the file: what is there, and what lies beyond its end.
 * `rank` orders the data; memory that is missing ranks behind all data.
 */
export function storedPieces(
  source: Source,
  part: {
    readonly label: string;
    readonly start: bigint;
    readonly size: bigint;
    readonly offset: bigint;
    readonly rank: number;
    readonly missingRank: number;
  },
): RunPiece[] {
  const { label, start, size, offset, rank, missingRank } = part;
  const left = BigInt(source.size) - offset;
  const there = left <= 0n ? 0n : left < size ? left : size;
  const pieces: RunPiece[] = [];
  if (there > 0n)
    pieces.push({ state: 'data', label, start, end: start + there, rank, offset: Number(offset) });
  if (there < size)
    pieces.push({
      state: 'absent',
      label,
      start: start + there,
      end: start + size,
      rank: missingRank,
      reason: 'file-truncated',
      detail: `${label} ends beyond the file`,
    });
  return pieces;
}
