/** Runs of set bits in a bitmap, least significant bit of each byte first. */

/**
 * A bitmap as kernels keep it, in words of 64 bits, with bit n in byte n / 8: the same on little-endian
 * machines, a copy with the bytes of each word turned round for big-endian ones.
 */
export function bitmapBytes(bytes: Uint8Array, little: boolean): Uint8Array {
  if (little) return bytes;
  const turned = bytes.slice();
  for (let at = 0; at + 8 <= turned.length; at += 8) turned.subarray(at, at + 8).reverse();
  return turned;
}

/** Calls `emit` with the first bit of each run and its length, for bits from `from` up to `to`. */
export function bitRuns(
  bytes: Uint8Array,
  from: number,
  to: number,
  emit: (bit: number, count: number) => void,
): void {
  let start = -1;
  let bit = from;
  while (bit < to) {
    const byte = bytes[bit >> 3] ?? 0;
    if ((bit & 7) === 0 && bit + 8 <= to && (byte === 0 || byte === 0xff)) {
      if (byte === 0) {
        if (start >= 0) {
          emit(start, bit - start);
          start = -1;
        }
      } else if (start < 0) start = bit;
      bit += 8;
      continue;
    }
    const set = ((byte >> (bit & 7)) & 1) === 1;
    if (set && start < 0) start = bit;
    else if (!set && start >= 0) {
      emit(start, bit - start);
      start = -1;
    }
    bit++;
  }
  if (start >= 0) emit(start, to - start);
}

/** Whether a byte is not zero. */
export function hasBits(bytes: Uint8Array): boolean {
  return bytes.some((byte) => byte !== 0);
}

/** How many entries of `size` bytes there are up to the last that is not zero. */
export function entriesUsed(bytes: Uint8Array, size: number): number {
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return Math.ceil(end / size);
}
