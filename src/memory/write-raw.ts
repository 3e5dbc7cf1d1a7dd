/** Writes raw memory: byte by byte from one address on. */
import { memoryError } from './codes.js';
import { arranged, type MemoryContents } from './segments.js';
import { memoryPieces, zeroPieces } from './write-pieces.js';

export interface RawWriteOptions {
  /** Physical address of the file's first byte; that of the first segment by default. */
  readonly base?: bigint;
  /** The most bytes that the file may have, 1 TiB by default: memory far apart makes a large file of zeros. */
  readonly limit?: bigint;
}

const RAW_LIMIT = 1n << 40n;

/**
 * The bytes of memory from the base to the end, piece by piece, with zeros where there is none: absence cannot
 * be told from zeros in such a file, nor the base, the machine or notes. The pieces must not be written to.
 *
 * @throws `memory-write` for segments that overlap or lie below the base, or a file beyond the limit.
 */
export function writeRaw(memory: MemoryContents, options: RawWriteOptions = {}): Generator<Uint8Array, void> {
  const segments = arranged(memory.segments);
  const first = segments[0]?.address ?? 0n;
  const last = segments[segments.length - 1];
  const { base = first, limit = RAW_LIMIT } = options;
  const end = last === undefined ? base : last.address + last.size;
  if (segments.length > 0 && first < base)
    throw memoryError('memory-write', 'there is memory below the base of the raw image', {
      path: ['base'],
      expected: `0x${first.toString(16)} or below`,
      found: `0x${base.toString(16)}`,
    });
  if (end - base > limit)
    throw memoryError('memory-write', 'the raw image becomes larger than its limit', {
      expected: `at most ${limit} bytes`,
      found: `${end - base} bytes, from 0x${base.toString(16)} to 0x${end.toString(16)}`,
    });
  return (function* () {
    let at = base;
    for (const segment of segments) {
      yield* zeroPieces(segment.address - at);
      yield* memoryPieces(segment);
      at = segment.address + segment.size;
    }
  })();
}
