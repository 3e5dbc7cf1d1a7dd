/** A bitmap that lies in a file, one bit per page, read in chunks as far as somebody looks. */
import type { Source } from './source.js';

/** Bytes after which the number of bits before is remembered. */
const CHUNK = 512;
const CHUNK_BITS = CHUNK * 8;

export class FileBitmap {
  readonly bits: number;
  private readonly source: Source;
  private readonly offset: number;
  private readonly bytes: number;
  /** Bits set before each chunk, as far as counted. */
  private readonly ranks: number[] = [0];

  /** Bits beyond the end of the file are taken for zero. */
  constructor(source: Source, offset: number, bits: number) {
    this.source = source;
    this.offset = offset;
    this.bits = bits;
    this.bytes = Math.ceil(bits / 8);
  }

  has(bit: number): boolean {
    return bit < this.bits && (((this.chunkOf(bit)[(bit % CHUNK_BITS) >> 3] ?? 0) >> (bit & 7)) & 1) === 1;
  }

  /** How many bits are set before this one. */
  rank(bit: number): number {
    const chunk = Math.floor(bit / CHUNK_BITS);
    while (this.ranks.length <= chunk) {
      const next = this.ranks.length - 1;
      const bytes = this.chunk(next);
      this.ranks.push((this.ranks[next] ?? 0) + countBits(bytes, bytes.length * 8));
    }
    const within = bit - chunk * CHUNK_BITS;
    return (this.ranks[chunk] ?? 0) + (within === 0 ? 0 : countBits(this.chunk(chunk), within));
  }

  /** The first bit at or after `from` that is set (or clear); `limit` if there is none before it. */
  next(from: number, set: boolean, limit = this.bits): number {
    return Math.min(this.search(from, set, Math.min(limit, this.bits)), limit, this.bits);
  }

  private search(from: number, set: boolean, limit: number): number {
    const whole = set ? 0 : 0xff;
    let bit = from;
    while (bit < limit) {
      const bytes = this.chunkOf(bit);
      const base = bit - (bit % CHUNK_BITS);
      let index = (bit - base) >> 3;
      // Bits of the first byte that come before are taken for the other kind.
      let byte = (bytes[index] ?? 0) ^ whole;
      byte &= 0xff << (bit & 7);
      while (byte === 0 && ++index < bytes.length) byte = (bytes[index] ?? 0) ^ whole;
      if (byte !== 0) return base + index * 8 + (31 - Math.clz32(byte & -byte));
      bit = base + (bytes.length < CHUNK ? this.bits : CHUNK_BITS);
      if (bytes.length < CHUNK && !set) return base + bytes.length * 8;
    }
    return this.bits;
  }

  private chunkOf(bit: number): Uint8Array {
    return this.chunk(Math.floor(bit / CHUNK_BITS));
  }
  private chunk(index: number): Uint8Array {
    const at = index * CHUNK;
    return this.source.read(this.offset + at, Math.min(CHUNK, this.bytes - at));
  }
}

function countBits(bytes: Uint8Array, bits: number): number {
  let count = 0;
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) count += POPCOUNT[bytes[i] ?? 0] ?? 0;
  if ((bits & 7) !== 0) count += POPCOUNT[(bytes[whole] ?? 0) & ((1 << (bits & 7)) - 1)] ?? 0;
  return count;
}

const POPCOUNT = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let rest = byte; rest > 0; rest >>= 1) count += rest & 1;
  return count;
});
