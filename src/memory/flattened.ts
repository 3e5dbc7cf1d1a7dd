/**
 * Flattened streams (`makedumpfile -F`, QEMU's kdump formats): a dump cut into chunks that say where they
 * belong, so that it can be written to a pipe. Later chunks win over earlier ones; what no chunk writes is
 * zero.
 */
import { be, be64, type CarryoverError, chars, decodeAt, i64, magic, struct } from '../codec/index.js';
import { memoryError } from './codes.js';
import type { Limits } from './limits.js';
import { findRun, overlay, type Piece } from './overlay.js';
import type { Source } from './source.js';

export const FLATTENED_SIGNATURE = 'makedumpfile';

/** `struct makedumpfile_header`; chunks begin at 4096. */
export const MakedumpfileHeader = struct(
  'makedumpfile_header',
  {
    signature: magic(chars(16), FLATTENED_SIGNATURE),
    type: magic(be64, 1n),
    version: magic(be64, 1n),
  },
  { packed: true },
);
/** `struct makedumpfile_data_header`, before each chunk; both fields -1 end the stream. */
export const MakedumpfileDataHeader = struct(
  'makedumpfile_data_header',
  {
    offset: be(i64),
    buf_size: be(i64),
  },
  { packed: true },
);
const HEADER_SIZE = 4096;
const DATA_HEADER_SIZE = 16;

interface Chunk extends Piece<number> {
  /** Where its bytes are in the stream. */
  readonly at: number;
}

export interface Unflattened {
  readonly source: Source;
  readonly problems: readonly CarryoverError[];
}

/**
 * The file that a flattened stream stands for. Walks over the headers of all chunks once; a stream that is
 * cut off or damaged gives what came before.
 */
export function unflatten(stream: Source, limits: Limits): Unflattened {
  const head = stream.read(0, 32);
  if (head.length < 32)
    throw memoryError('memory-truncated', 'the file ends within the header of the flattened stream', {
      path: ['makedumpfile_header'],
      offset: head.length,
    });
  try {
    decodeAt(MakedumpfileHeader, head, 0);
  } catch (cause) {
    throw memoryError('memory-header', 'the flattened stream is of a type or version that nobody writes', {
      path: ['makedumpfile_header', 'type'],
      offset: 16,
      expected: 'type 1, version 1',
      cause,
    });
  }
  const problems: CarryoverError[] = [];
  const chunks: Chunk[] = [];
  let size = 0;
  for (let at = HEADER_SIZE; ; ) {
    const bytes = stream.read(at, DATA_HEADER_SIZE);
    const damaged = (reason: string) =>
      problems.push(
        memoryError('memory-damaged', `${reason} after ${chunks.length} chunks; what follows is lost`, {
          path: ['chunk', chunks.length],
          offset: at,
        }),
      );
    if (bytes.length < DATA_HEADER_SIZE) {
      damaged('the flattened stream ends without its end mark');
      break;
    }
    const { offset, buf_size } = decodeAt(MakedumpfileDataHeader, bytes, 0).value;
    if (offset === -1n) break;
    const end = offset + buf_size;
    if (offset < 0n || buf_size <= 0n || end > BigInt(Number.MAX_SAFE_INTEGER)) {
      damaged('a chunk of the flattened stream has an impossible place or size');
      break;
    }
    const start = Number(offset);
    const left = stream.size - at - DATA_HEADER_SIZE;
    const length = Math.min(Number(buf_size), left);
    if (length > 0)
      chunks.push({ start, end: start + length, rank: -chunks.length, at: at + DATA_HEADER_SIZE });
    size = Math.max(size, start + length);
    if (length < Number(buf_size)) {
      damaged('the flattened stream ends within a chunk');
      break;
    }
    at += DATA_HEADER_SIZE + length;
    if (chunks.length > limits.chunks)
      throw memoryError('memory-limit', 'the flattened stream has too many chunks', {
        offset: at,
        expected: `at most ${limits.chunks}`,
      });
  }
  return { source: chunkSource(stream, chunks, size), problems };
}

function chunkSource(stream: Source, chunks: readonly Chunk[], size: number): Source {
  const runs = overlay<number, Chunk>(chunks);
  return {
    size,
    read(offset, length) {
      const count = Math.max(0, Math.min(length, size - offset));
      const first = runs[findRun(runs, offset)];
      if (first !== undefined && offset + count <= first.end && count > 0)
        return stream.read(first.piece.at + offset - first.piece.start, count);
      const bytes = new Uint8Array(count);
      for (let i = Math.max(0, findRun(runs, offset)); i < runs.length; i++) {
        const run = runs[i];
        if (run === undefined || run.start >= offset + count) break;
        const from = Math.max(run.start, offset);
        const to = Math.min(run.end, offset + count);
        if (from < to)
          bytes.set(stream.read(run.piece.at + from - run.piece.start, to - from), from - offset);
      }
      return bytes;
    },
  };
}
