/** Whether bytes are equal, as fast as that can be told without another language. */

const SHORT = 256;

/** The first place from `from` on at which two arrays of bytes differ, -1 if none as far as both reach. */
export function firstDifference(a: Uint8Array, b: Uint8Array, from: number): number {
  const end = Math.min(a.length, b.length);
  let at = from;
  // A view costs more than a few bytes.
  if (end - at >= SHORT && (a.byteOffset + at) % 4 === 0 && (b.byteOffset + at) % 4 === 0) {
    const words = (end - at) >> 2;
    if (words > 0) {
      const wordsA = new Uint32Array(a.buffer, a.byteOffset + at, words);
      const wordsB = new Uint32Array(b.buffer, b.byteOffset + at, words);
      let i = 0;
      while (i < words && wordsA[i] === wordsB[i]) i++;
      at += 4 * i;
    }
  }
  for (; at < end; at++) if (a[at] !== b[at]) return at;
  return -1;
}

/** The first place from `from` on at which two arrays are equal again, or the end of the shorter one. */
export function firstEqual(a: Uint8Array, b: Uint8Array, from: number): number {
  const end = Math.min(a.length, b.length);
  let at = from;
  while (at < end && a[at] !== b[at]) at++;
  return at;
}

export function isZero(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] !== 0) return false;
  return true;
}
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && firstDifference(a, b, 0) < 0;
}
