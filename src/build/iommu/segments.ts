/** How a mapping falls into pages: as hardware and Linux do it, the largest page that fits comes first. */
import { FRAME, geometryOf, MAY_READ, MAY_WRITE, type TableShape } from '../../formats/pgtable/index.js';

/** Addresses that follow each other and lead to memory that does. Numbers are of frames of 4 KiB. */
export interface Piece {
  /** First address, without the sign: from 0 up to 2^vasz. */
  readonly at: number;
  readonly frames: number;
  /** {@link MAY_READ}, {@link MAY_WRITE}. */
  readonly permissions: number;
  /** Where the memory begins; asked for when that is known. */
  readonly phys: () => bigint;
  /** The same modulo `aligned`, which is known before. */
  readonly rest: number;
  /** Frames, a power of two: no page is larger. */
  readonly aligned: number;
}

/** Pages of one size that follow each other. */
export interface Segment {
  readonly piece: Piece;
  readonly at: number;
  readonly frames: number;
  /** Of the table that their entries are in. */
  readonly level: number;
  /** Bytes of each page. */
  readonly page: number;
}

export interface PageSize {
  readonly frames: number;
  readonly level: number;
}
/** The pages that take one entry, the largest first. */
export function pageSizes(shape: TableShape): readonly PageSize[] {
  const { leafLevels, indexBits } = geometryOf(shape.format);
  return [...leafLevels.filter((level) => level <= shape.level), 0]
    .map((level) => ({ level, frames: 2 ** (indexBits * level) }))
    .sort((a, b) => b.frames - a.frames);
}

/** A piece as runs of pages. Few, whatever its size: pages only grow towards its middle. */
export function* segmentsOf(sizes: readonly PageSize[], piece: Piece): Iterable<Segment> {
  const usable = sizes.filter(({ frames }) => frames <= piece.aligned);
  let { at } = piece;
  let target = piece.rest;
  let left = piece.frames;
  while (left > 0) {
    const index = usable.findIndex(
      ({ frames }) => at % frames === 0 && target % frames === 0 && left >= frames,
    );
    const size = usable[index];
    // Pieces are whole frames, which are the smallest page.
    if (size === undefined) return;
    let pages = Math.floor(left / size.frames);
    const larger = usable[index - 1];
    if (larger !== undefined && (at - target) % larger.frames === 0) {
      const head = (larger.frames - (at % larger.frames)) % larger.frames;
      if (head > 0 && left - head >= larger.frames) pages = Math.min(pages, head / size.frames);
    }
    const frames = pages * size.frames;
    yield { piece, at, frames, level: size.level, page: size.frames * FRAME };
    at += frames;
    target += frames;
    left -= frames;
  }
}

export function permissionsOf(read: boolean, write: boolean): number {
  return (read ? MAY_READ : 0) | (write ? MAY_WRITE : 0);
}
