/** The pieces of a file that is being written: zeros, contents, and small pieces put together. */
import { contentSize, type MemorySegment } from './segments.js';

/** Bytes of content that are asked for at once. */
const STEP = 1n << 20n;
const ZEROS = new Uint8Array(1 << 16);
/** Pieces that are smaller than a quarter of it are put together into pieces of about this size. */
const GATHERED = 1 << 16;

/** So many zeros. The array is one for all, so it must not be written to. */
export function* zeroPieces(count: bigint): Generator<Uint8Array, void> {
  const step = BigInt(ZEROS.length);
  let left = count;
  for (; left >= step; left -= step) yield ZEROS;
  if (left > 0n) yield ZEROS.subarray(0, Number(left));
}

/** What a segment begins with, without the zeros behind it. Lazy content is given in arrays of its own. */
export function* contentPieces({ content }: MemorySegment): Generator<Uint8Array, void> {
  if (content === undefined) return;
  if (content instanceof Uint8Array) {
    yield content;
    return;
  }
  for (let offset = 0n; offset < content.size; offset += STEP) {
    const left = content.size - offset;
    const bytes = new Uint8Array(Number(left < STEP ? left : STEP));
    content.read(offset, bytes);
    yield bytes;
  }
}

/** All bytes of a segment. */
export function* memoryPieces(segment: MemorySegment): Generator<Uint8Array, void> {
  yield* contentPieces(segment);
  yield* zeroPieces(segment.size - contentSize(segment.content));
}

/** The same bytes with few small pieces: a header of 56 bytes is not worth a system call of its own. */
export function* gathered(pieces: Iterable<Uint8Array>): Generator<Uint8Array, void> {
  let buffer = new Uint8Array(GATHERED);
  let used = 0;
  for (const piece of pieces) {
    const large = piece.length > GATHERED / 4;
    if (used > 0 && (large || used + piece.length > GATHERED)) {
      yield buffer.subarray(0, used);
      buffer = new Uint8Array(GATHERED);
      used = 0;
    }
    if (large) yield piece;
    else {
      buffer.set(piece, used);
      used += piece.length;
    }
  }
  if (used > 0) yield buffer.subarray(0, used);
}

/** Pieces as one array. */
export function joined(pieces: Iterable<Uint8Array>): Uint8Array {
  const parts = [...pieces];
  const bytes = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The bytes followed by zeros up to a multiple of `unit`. */
export function paddedTo(bytes: Uint8Array, unit: number): Uint8Array {
  const out = new Uint8Array(Math.ceil(bytes.length / unit) * unit);
  out.set(bytes);
  return out;
}
