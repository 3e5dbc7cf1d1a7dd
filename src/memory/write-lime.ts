/** Writes LiME dumps. */
import { encode } from '../codec/index.js';
import { memoryError } from './codes.js';
import { headerABI } from './elf.js';
import { LIME_HEADER_SIZE, LIME_MAGIC, LIME_VERSION, LimeHeader } from './lime.js';
import { arranged, type MemoryContents, type MemorySegment } from './segments.js';
import { gathered, memoryPieces } from './write-pieces.js';

/**
 * The bytes of a LiME dump, piece by piece in the order of the file: a header for each run of memory, and the
 * memory, zeros included. The format has no place for notes and VMCOREINFO. The pieces must not be written to.
 *
 * @throws `memory-write` for segments that overlap, a machine without byte order, no memory at all, or a file
 * beyond 2^53 bytes.
 */
export function writeLime(memory: MemoryContents): Generator<Uint8Array, void> {
  const { endian } = memory.machine;
  if (endian === undefined)
    throw memoryError('memory-write', 'a LiME dump needs to know the byte order of its machine', {
      path: ['machine', 'endian'],
      expected: 'little or big',
      found: memory.machine.name,
    });
  const runs = runsOf(arranged(memory.segments));
  const size = runs.reduce((sum, run) => sum + run.end - run.start + BigInt(LIME_HEADER_SIZE), 0n);
  if (runs.length === 0)
    throw memoryError('memory-write', 'a LiME dump without memory has no first byte by which to know it');
  if (size > BigInt(Number.MAX_SAFE_INTEGER))
    throw memoryError('memory-write', 'the LiME dump becomes larger than a file can be', {
      expected: `at most ${Number.MAX_SAFE_INTEGER} bytes`,
      found: `${size} bytes`,
    });
  const abi = headerABI(endian, 64);
  return gathered(
    (function* () {
      for (const { start, end, segments } of runs) {
        yield encode(
          LimeHeader,
          { magic: LIME_MAGIC, version: LIME_VERSION, s_addr: start, e_addr: end - 1n, reserved: 0 },
          { abi },
        );
        for (const segment of segments) yield* memoryPieces(segment);
      }
    })(),
  );
}

interface Run {
  readonly start: bigint;
  end: bigint;
  readonly segments: MemorySegment[];
}

/** Segments that follow each other without a gap, together. */
function runsOf(segments: readonly MemorySegment[]): Run[] {
  const runs: Run[] = [];
  for (const segment of segments) {
    const last = runs[runs.length - 1];
    const end = segment.address + segment.size;
    if (last?.end === segment.address) {
      last.end = end;
      last.segments.push(segment);
    } else runs.push({ start: segment.address, end, segments: [segment] });
  }
  return runs;
}
