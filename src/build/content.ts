/** Parts of what memory holds. */
import type { SegmentContent } from '../memory/index.js';

/** The bytes from one place up to another; fewer where the content ends before. */
export function partOf(content: SegmentContent, from: bigint, to: bigint): SegmentContent {
  if (content instanceof Uint8Array) return content.subarray(Number(from), Number(to));
  const end = to < content.size ? to : content.size;
  if (from === 0n && end === content.size) return content;
  return {
    size: end > from ? end - from : 0n,
    read: (offset, out) => content.read(from + offset, out),
  };
}
