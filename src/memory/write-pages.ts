/** Memory as pages: which there are, and what they hold. */
import { contentSize, type MemorySegment, readContent } from './segments.js';

/** Pages from one number to before another. */
export interface PageRange {
  readonly from: number;
  readonly to: number;
}

/** Pages of which segments, arranged, have any byte; in ascending order, those that touch made one. */
export function pageRanges(segments: readonly MemorySegment[], pageSize: number): PageRange[] {
  const size = BigInt(pageSize);
  const ranges: { from: number; to: number }[] = [];
  for (const segment of segments) {
    const from = Number(segment.address / size);
    const to = Number((segment.address + segment.size + size - 1n) / size);
    const last = ranges[ranges.length - 1];
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else ranges.push({ from, to });
  }
  return ranges;
}

export type Pages =
  /** So many pages one behind the other. The array belongs to the reader. */
  | { readonly bytes: Uint8Array }
  /** So many pages that are known to be zero. */
  | { readonly zeros: number };

/** Bytes of pages that are made at once. */
const STEP = 1 << 20;

/**
 * What the pages of {@link pageRanges} hold, in the same order. What no segment has of a page is zero: pages
 * cannot be there in part.
 */
export function* pagesOf(segments: readonly MemorySegment[], pageSize: number): Generator<Pages, void> {
  const size = BigInt(pageSize);
  let open: { readonly page: bigint; readonly bytes: Uint8Array } | undefined;
  for (const { address, size: length, content } of segments) {
    const end = address + length;
    const stored = address + contentSize(content);
    const copy = (from: bigint, to: bigint, out: Uint8Array, at: number) => {
      const stop = to < stored ? to : stored;
      if (content !== undefined && stop > from)
        readContent(content, from - address, out.subarray(at, at + Number(stop - from)));
    };
    for (let at = address; at < end; ) {
      const page = at / size;
      const within = at % size;
      if (within > 0n || end - at < size || open?.page === page) {
        if (open?.page !== page) {
          if (open !== undefined) yield { bytes: open.bytes };
          open = { page, bytes: new Uint8Array(pageSize) };
        }
        const stop = end < (page + 1n) * size ? end : (page + 1n) * size;
        copy(at, stop, open.bytes, Number(within));
        at = stop;
        continue;
      }
      if (open !== undefined) yield { bytes: open.bytes };
      open = undefined;
      const whole = (end - at) / size;
      if (at >= stored) {
        yield { zeros: Number(whole) };
        at += whole * size;
        continue;
      }
      const left = (stored - at + size - 1n) / size;
      const step = BigInt(Math.max(1, STEP / pageSize));
      const least = [whole, left, step].reduce((a, b) => (a < b ? a : b));
      const bytes = new Uint8Array(Number(least) * pageSize);
      copy(at, at + least * size, bytes, 0);
      yield { bytes };
      at += least * size;
    }
  }
  if (open !== undefined) yield { bytes: open.bytes };
}
