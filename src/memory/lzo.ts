/**
 * LZO1X, as makedumpfile compresses pages with it. No JavaScript library that bounds its reads and writes
 * exists. The stream is described in the kernel's Documentation/staging/lzo.rst.
 *
 * Decompresses into `out`, and returns how many bytes the stream holds; undefined if it is damaged, or holds
 * more than `out` takes.
 */
export function lzo1x(input: Uint8Array, out: Uint8Array): number | undefined {
  let ip = 0;
  let op = 0;

  // A length that does not fit its bits goes on in further bytes: zeros count 255, the first other one ends it.
  const extended = (base: number): number => {
    let length = base;
    while (input[ip] === 0) {
      length += 255;
      ip++;
    }
    return length + (input[ip++] ?? Number.POSITIVE_INFINITY);
  };
  const literals = (count: number): boolean => {
    if (count > input.length - ip || count > out.length - op) return false;
    out.set(input.subarray(ip, ip + count), op);
    ip += count;
    op += count;
    return true;
  };
  const match = (distance: number, length: number): boolean => {
    if (distance > op || length > out.length - op) return false;
    // Byte by byte: a match may overlap what it produces.
    for (const end = op + length; op < end; op++) out[op] = out[op - distance] ?? 0;
    return true;
  };

  // How many literals came just before: 0 to 3 with the last match, 4 for a run of its own.
  let state = 0;
  const first = input[0];
  if (first !== undefined && first > 17) {
    ip = 1;
    if (!literals(first - 17)) return undefined;
    state = Math.min(first - 17, 4);
  }
  for (;;) {
    const token = input[ip++];
    if (token === undefined) return undefined;
    let length: number;
    let distance: number;
    if (token < 16 && state === 0) {
      if (!literals((token === 0 ? extended(15) : token) + 3)) return undefined;
      state = 4;
      continue;
    }
    if (token < 16 || token >= 64) {
      const next = input[ip++];
      if (next === undefined) return undefined;
      if (token >= 64) {
        length = (token >> 5) + 1;
        distance = ((token >> 2) & 7) + (next << 3) + 1;
      } else {
        length = state === 4 ? 3 : 2;
        distance = (token >> 2) + (next << 2) + (state === 4 ? 2049 : 1);
      }
      state = token & 3;
    } else {
      const bits = token >= 32 ? 31 : 7;
      length = ((token & bits) === 0 ? extended(bits) : token & bits) + 2;
      const low = input[ip++];
      const high = input[ip++];
      if (low === undefined || high === undefined) return undefined;
      const word = low | (high << 8);
      distance = word >> 2;
      if (token >= 32) distance += 1;
      else {
        distance += (token & 8) << 11;
        // A distance of zero here ends the stream.
        if (distance === 0) return length === 3 && ip === input.length ? op : undefined;
        distance += 0x4000;
      }
      state = word & 3;
    }
    if (!match(distance, length) || !literals(state)) return undefined;
  }
}
