/**
 * Cuts memory into the parts of a split kdump, written by hand as makedumpfile --split lays them out: each part
 * has the headers and both bitmaps of the whole, and the descriptors and pages of its own page frames.
 */
import type { Memory } from './builder.js';

const PAGE = 4096;
const DESC = 24;

/** Parts whose pages begin at these page frames; the first begins at 0, the last goes to the end. */
export function splitKdump(memory: Memory, cuts: readonly number[]): Uint8Array[] {
  const pages = [...memory.pages].sort(([a], [b]) => a - b);
  const end = (pages[pages.length - 1]?.[0] ?? 0) + 1;
  const bitmapBlocks = Math.ceil(end / 8 / PAGE);
  const starts = [0, ...cuts];
  return starts.map((start, i): Uint8Array => {
    const stop = starts[i + 1] ?? end;
    const own = pages.filter(([pfn]) => pfn >= start && pfn < stop);
    const descAt = (2 + 2 * bitmapBlocks) * PAGE;
    const dataAt = descAt + own.length * DESC;
    const out = Buffer.alloc(dataAt + own.length * PAGE);
    out.write('KDUMP   ', 0, 'latin1');
    out.writeInt32LE(6, 8);
    for (const [field, word] of ['Linux', 'guest', '7.2.13', '#1', 'x86_64', '(none)'].entries())
      out.write(word, 12 + 65 * field, 'latin1');
    // After six names of 65 bytes, the time is aligned to 8; then come eleven words.
    const words = [0, PAGE, 1, 2 * bitmapBlocks, Math.min(end, 0xffffffff), 0, 0, 0, 0, 1];
    for (const [at, word] of words.entries()) out.writeUInt32LE(word, 424 + 4 * at);
    const sub = PAGE;
    out.writeInt32LE(31, sub + 8);
    out.writeInt32LE(1, sub + 12);
    out.writeBigUInt64LE(BigInt(start), sub + 16);
    out.writeBigUInt64LE(BigInt(stop), sub + 24);
    out.writeBigUInt64LE(BigInt(start), sub + 80);
    out.writeBigUInt64LE(BigInt(stop), sub + 88);
    out.writeBigUInt64LE(BigInt(end), sub + 96);
    for (const map of [0, 1])
      for (const [pfn] of pages) {
        const at = (2 + map * bitmapBlocks) * PAGE + (pfn >> 3);
        out[at] = (out[at] ?? 0) | (1 << (pfn & 7));
      }
    for (const [j, [, bytes]] of own.entries()) {
      out.writeBigInt64LE(BigInt(dataAt + j * PAGE), descAt + j * DESC);
      out.writeUInt32LE(PAGE, descAt + j * DESC + 8);
      out.set(bytes, dataAt + j * PAGE);
    }
    return new Uint8Array(out);
  });
}
