/**
 * Dumps that are compressed as a whole (gzip; zlib, as LiME writes with `compress=1`). There is no way into
 * the middle of such a file, so all of it is unpacked when it is opened, into pieces of which those that hold
 * only zeros are not kept: most of a memory dump is zeros. What comes out is limited, and so is what is kept.
 * The checksum at the end is not verified; a stream that is damaged or cut off gives what came before.
 */
import { Gunzip, Unzlib } from 'fflate';
import { firstNonZero } from '../codec/bytes.js';
import { type CarryoverError, isCarryoverError } from '../codec/index.js';
import { memoryError } from './codes.js';
import type { Limits } from './limits.js';
import type { Source } from './source.js';

/** Bytes that are given to the decompressor at once: what comes out is at most a thousand times as much. */
const STEP = 16384;
const PIECE = 65536;

export interface Unpacked {
  readonly source: Source;
  readonly problems: readonly CarryoverError[];
}

export function unpack(packed: Source, form: 'gzip' | 'zlib', limits: Limits): Unpacked {
  const pieces = new Pieces(limits);
  const problems: CarryoverError[] = [];
  const stream =
    form === 'gzip' ? new Gunzip((chunk) => pieces.add(chunk)) : new Unzlib((chunk) => pieces.add(chunk));
  let at = 0;
  try {
    while (at < packed.size) {
      // A copy, because the decompressor keeps what it has not used up, and the source may use the array again.
      const step = packed.read(at, STEP).slice();
      if (step.length === 0) break;
      at += step.length;
      stream.push(step, at >= packed.size);
    }
  } catch (cause) {
    if (isCarryoverError(cause)) throw cause;
    if (pieces.size === 0)
      throw memoryError('memory-compression', `the ${form} stream cannot be decompressed`, {
        offset: at,
        cause,
      });
    problems.push(
      memoryError(
        'memory-damaged',
        `the ${form} stream is damaged or cut off; ${pieces.size} bytes came out of it`,
        { offset: at, cause },
      ),
    );
  }
  return { source: pieces.source(), problems };
}

/** Bytes that arrive one after the other, kept in pieces without those that are zero. */
class Pieces {
  size = 0;
  private kept = 0;
  private readonly pieces: (Uint8Array | undefined)[] = [];
  private tail = new Uint8Array(PIECE);
  private readonly limits: Limits;

  constructor(limits: Limits) {
    this.limits = limits;
  }

  add(chunk: Uint8Array): void {
    const { unpackedBytes, unpackedKept } = this.limits;
    if (this.size + chunk.length > unpackedBytes) throw tooMuch(unpackedBytes, 'come out of the file');
    for (let from = 0; from < chunk.length; ) {
      const within = this.size % PIECE;
      const part = chunk.subarray(from, from + PIECE - within);
      this.tail.set(part, within);
      this.size += part.length;
      from += part.length;
      if (this.size % PIECE !== 0) continue;
      if (firstNonZero(this.tail, 0, PIECE) < 0) this.pieces.push(undefined);
      else {
        this.kept += PIECE;
        if (this.kept > unpackedKept) throw tooMuch(unpackedKept, 'that are not zero come out of the file');
        this.pieces.push(this.tail);
        this.tail = new Uint8Array(PIECE);
      }
    }
  }

  source(): Source {
    const { pieces, tail, size } = this;
    const rest = size % PIECE;
    const zeros = new Uint8Array(PIECE);
    const all = rest === 0 ? pieces : [...pieces, tail.subarray(0, rest)];
    return {
      size,
      read(offset, length) {
        const count = Math.max(0, Math.min(length, size - offset));
        const first = Math.floor(offset / PIECE);
        const within = offset % PIECE;
        if (within + count <= PIECE) return (all[first] ?? zeros).subarray(within, within + count);
        const bytes = new Uint8Array(count);
        for (let done = 0, index = first; done < count; index++) {
          const start = index === first ? within : 0;
          const part = (all[index] ?? zeros).subarray(start, start + count - done);
          bytes.set(part, done);
          done += part.length;
        }
        return bytes;
      },
      nextData(offset) {
        let index = Math.floor(offset / PIECE);
        if (all[index] !== undefined) return Math.min(offset, size);
        while (index < all.length && all[index] === undefined) index++;
        return Math.min(size, index * PIECE);
      },
    };
  }
}

function tooMuch(limit: number, what: string): CarryoverError {
  return memoryError('memory-limit', `too many bytes ${what}; decompress it to a file first`, {
    expected: `at most ${limit}`,
  });
}
