/** Where bytes come from: a file, an array, a part of another source. Read synchronously, in windows. */

export interface Source {
  /** In bytes; at most 2^53 - 1. */
  readonly size: number;
  /**
   * The bytes from `offset` on: as many as asked for, fewer only where the source ends, none beyond it. The
   * array belongs to the source and must not be written to.
   */
  read(offset: number, length: number): Uint8Array;
  /**
   * Where the next stored byte at or after `offset` may be, for sources that know of holes: everything from
   * `offset` up to there reads as zero. `size` if nothing is stored any more.
   */
  nextData?(offset: number): number;
}

const NOTHING = new Uint8Array(0);

/** A source over bytes that are in memory already. */
export function bytesSource(bytes: Uint8Array): Source {
  return {
    size: bytes.length,
    read: (offset, length) => bytes.subarray(Math.min(offset, bytes.length), offset + length),
  };
}

/** A part of a source, from `offset` on; `length` is cut to what is there. */
export function sliceSource(source: Source, offset: number, length: number): Source {
  const start = Math.min(offset, source.size);
  const size = Math.min(length, source.size - start);
  return {
    size,
    read: (at, count) => (at >= size ? NOTHING : source.read(start + at, Math.min(count, size - at))),
    nextData: (at) => Math.min(size, (source.nextData?.(start + at) ?? start + at) - start),
  };
}

export interface WindowOptions {
  /** Bytes per window, a power of two. */
  readonly windowSize?: number;
  /** How many windows are kept; the one used longest ago goes first. */
  readonly windows?: number;
}

/**
 * Reads a source in aligned windows and keeps the last of them, so that many small reads near each other cost
 * one. Reads larger than a window go straight through. By default 64 windows of 64 KiB are kept: 4 MiB,
 * however large the source.
 */
export function windowed(source: Source, options: WindowOptions = {}): Source {
  const windowSize = options.windowSize ?? 0x10000;
  const windows = options.windows ?? 64;
  const kept = new Map<number, Uint8Array>();
  const window = (index: number): Uint8Array => {
    let bytes = kept.get(index);
    if (bytes === undefined) {
      bytes = source.read(index * windowSize, windowSize);
      if (kept.size >= windows) for (const oldest of kept.keys()) if (kept.delete(oldest)) break;
    } else kept.delete(index);
    kept.set(index, bytes);
    return bytes;
  };
  const { nextData } = source;
  return {
    size: source.size,
    read(offset, length) {
      const count = Math.min(length, source.size - offset);
      if (count <= 0) return NOTHING;
      const first = Math.floor(offset / windowSize);
      const last = Math.floor((offset + count - 1) / windowSize);
      const start = offset - first * windowSize;
      if (first === last) return window(first).subarray(start, start + count);
      if (count > windowSize) return source.read(offset, count);
      const bytes = new Uint8Array(count);
      const head = window(first).subarray(start);
      bytes.set(head);
      bytes.set(window(last).subarray(0, count - head.length), head.length);
      return bytes;
    },
    ...(nextData === undefined ? {} : { nextData: (offset: number) => nextData.call(source, offset) }),
  };
}
