/**
 * The array of folios as files have it, 16 bytes for each: page frame and flags in one word, whose bit-fields
 * compilers allocate from the low bit on little-endian and from the high one on big-endian machines; then the
 * index. Written by hand, and only when it is read, because there are millions.
 */
import type { LazyContent } from '../../memory/index.js';
import { FOLIO_SIZE, type Folios } from './folios.js';

/** The array of these folios. It is to be read when their memory is placed. */
export function folioArray(folios: readonly Folios[], little: boolean): LazyContent {
  /** The place in the array of the first folio of each run. */
  const firsts = new Float64Array(folios.length);
  let count = 0;
  for (const [i, { built }] of folios.entries()) {
    firsts[i] = count;
    count += built.count;
  }
  return {
    size: BigInt(count) * BigInt(FOLIO_SIZE),
    read: (offset, out) => {
      const cut = Number(offset % BigInt(FOLIO_SIZE));
      const from = (Number(offset) - cut) / FOLIO_SIZE;
      if (cut === 0 && out.length % FOLIO_SIZE === 0) {
        writeFolios(out, from, folios, firsts, little);
        return;
      }
      // What is asked for may begin and end in the middle of a folio.
      const whole = new Uint8Array(Math.ceil((cut + out.length) / FOLIO_SIZE) * FOLIO_SIZE);
      writeFolios(whole, from, folios, firsts, little);
      out.set(whole.subarray(cut, cut + out.length));
    },
  };
}

/** Writes as many folios as there is room for, beginning with one of the array. */
function writeFolios(
  bytes: Uint8Array,
  from: number,
  folios: readonly Folios[],
  firsts: Float64Array,
  little: boolean,
): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = bytes.length;
  let at = 0;
  for (let i = runAt(firsts, from); at < end; i++) {
    const run = folios[i];
    if (run === undefined) return;
    const { built, flags } = run;
    const pages = 2 ** built.order;
    const skipped = Math.max(0, from - (firsts[i] ?? 0));
    let pfn = built.region.pfn + skipped * pages;
    let index = Number(built.index) + skipped * pages;
    for (let left = built.count - skipped; left > 0 && at < end; left--) {
      if (little) {
        view.setUint32(at, pfn % 2 ** 32, true);
        view.setUint32(at + 4, Math.floor(pfn / 2 ** 32) + flags * 2 ** 20, true);
      } else {
        // The frame's 52 bits come first, then the 12 of the flags.
        view.setUint32(at, Math.floor(pfn / 2 ** 20), false);
        view.setUint32(at + 4, (pfn % 2 ** 20) * 2 ** 12 + flags, false);
      }
      writeWord(view, at + 8, index, little);
      at += FOLIO_SIZE;
      pfn += pages;
      index += pages;
    }
  }
}

function writeWord(view: DataView, at: number, value: number, little: boolean): void {
  const low = value % 2 ** 32;
  const high = Math.floor(value / 2 ** 32);
  view.setUint32(at, little ? low : high, little);
  view.setUint32(at + 4, little ? high : low, little);
}

/** The last run that begins at or before a place of the array. */
function runAt(firsts: Float64Array, place: number): number {
  let low = 0;
  let high = firsts.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((firsts[middle] ?? 0) <= place) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}
