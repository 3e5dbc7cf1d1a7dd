/** Built memory as an ELF core: written by hand, so that the images stay the same whoever writes dumps otherwise. */
import type { Memory } from '../formats/kho/builder.js';

const PAGE = 4096;
const HEADER = 64;
const PHDR = 56;

/** ELF64, little-endian; a segment for all memory that lies together. */
export function elfOf(memory: Memory, pageSize: number): Uint8Array {
  const segments: { address: number; pages: Uint8Array[] }[] = [];
  for (const [index, bytes] of [...memory.pages].sort(([a], [b]) => a - b)) {
    const last = segments.at(-1);
    if (last !== undefined && last.address + last.pages.length * PAGE === index * PAGE)
      last.pages.push(bytes);
    else segments.push({ address: index * PAGE, pages: [bytes] });
  }
  const headers = Buffer.alloc(HEADER + segments.length * PHDR);
  headers.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  headers.writeUInt16LE(4, 16);
  headers.writeUInt16LE(pageSize === 4096 ? 62 : 183, 18);
  headers.writeUInt32LE(1, 20);
  headers.writeBigUInt64LE(BigInt(HEADER), 32);
  headers.writeUInt16LE(HEADER, 52);
  headers.writeUInt16LE(PHDR, 54);
  headers.writeUInt16LE(segments.length, 56);
  let offset = headers.length;
  for (const [i, { address, pages }] of segments.entries()) {
    const at = HEADER + i * PHDR;
    const size = BigInt(pages.length * PAGE);
    headers.writeUInt32LE(1, at);
    headers.writeUInt32LE(7, at + 4);
    headers.writeBigUInt64LE(BigInt(offset), at + 8);
    headers.writeBigUInt64LE(BigInt(address), at + 24);
    headers.writeBigUInt64LE(size, at + 32);
    headers.writeBigUInt64LE(size, at + 40);
    offset += pages.length * PAGE;
  }
  return new Uint8Array(Buffer.concat([headers, ...segments.flatMap(({ pages }) => pages)]));
}
