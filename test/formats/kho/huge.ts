/** A handover with one huge memfd: metadata as it would be, and an array of folios that is made when it is read. */
import { type Image, openImage, type Source } from '../../../src/memory/index.js';
import { fdt, Memory, native, text } from './builder.js';

const PAGE = 4096;
const ENTRIES = PAGE / 16;

/**
 * `run` folios follow each other in memory, then `gap` page frames are left out. The array lies at 1 GiB, the
 * memory of the folios is not in the image.
 */
export function hugeMemfd(folios: number, run = folios, gap = 0): Image {
  const memory = new Memory();
  const arrayAt = 1 << 18;
  const arrayPages = Math.ceil(folios / ENTRIES);
  const foliosAt = 2 ** 28;
  let next = 16;
  const page = (): number => {
    memory.touch(next * PAGE, PAGE);
    return next++ * PAGE;
  };
  const pfnOf = (i: number): number => foliosAt + i + Math.floor(i / run) * gap;

  const root = page();
  const luo = page();
  const block = page();
  const files = page();
  const ser = page();
  const flbs = page();
  const blocks: number[] = [root, luo, block, files, ser, flbs];
  let chunk = page();
  const first = chunk;
  blocks.push(chunk);
  for (let i = 0; i < arrayPages; i++) {
    memory.u64(chunk + 8 + (i % 511) * 8, (arrayAt + i) * PAGE);
    if (i % 511 === 510) {
      const successor = page();
      blocks.push(successor);
      memory.u64(chunk, successor);
      chunk = successor;
    }
  }
  memory.u64(ser + 8, folios * PAGE);
  memory.u32(ser + 16, 1);
  memory.u64(ser + 24, folios);
  memory.u64(ser + 32, first);
  memory.u32(ser + 40, arrayPages);
  memory.u16(ser + 44, 1);
  memory.u64(files + 8, 1);
  memory.bytes(files + 16, 'memfd-v2');
  memory.u64(files + 64, ser);
  memory.u64(files + 72, 1);
  memory.u64(block + 8, 1);
  memory.bytes(block + 16, 'huge');
  memory.u64(block + 80, files);
  memory.u64(block + 88, 1);
  memory.u64(flbs, 1);
  memory.bytes(luo, 'luo-v5');
  memory.u64(luo + 8, 1);
  memory.u64(luo + 16, block);
  memory.u64(luo + 24, flbs);

  // The map, all of it of order 0.
  const tables = new Map<string, number>();
  const map = page();
  let last = { index: -1, leaf: 0 };
  const leafOf = (pfn: number): number => {
    const index = Math.floor(pfn / 32768);
    if (last.index !== index) last = { index, leaf: findLeaf(pfn) };
    return last.leaf;
  };
  const findLeaf = (pfn: number): number => {
    const key = (1n << 52n) | BigInt(pfn);
    let table = map;
    let path = '';
    for (let level = 5; level >= 1; level--) {
      const slot = Number((key >> BigInt((level - 1) * 9 + 15)) & 511n);
      path += `/${slot}`;
      let child = tables.get(path);
      if (child === undefined) {
        child = page();
        tables.set(path, child);
        memory.u64(table + 8 * slot, child);
      }
      table = child;
    }
    return table;
  };
  const mark = (pfn: number, count: number): void => {
    for (let at = pfn; at < pfn + count; ) {
      const leaf = leafOf(at);
      const end = Math.min(pfn + count, (Math.floor(at / 32768) + 1) * 32768);
      const bytes = memory.pages.get(leaf / PAGE);
      if (bytes === undefined) throw new Error('there is no leaf');
      for (; at < end; at++) {
        const bit = at % 32768;
        if ((bit & 7) === 0 && end - at >= 8) {
          bytes[bit >> 3] = 0xff;
          at += 7;
        } else bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (1 << (bit & 7));
      }
    }
  };
  for (const at of blocks) mark(at / PAGE, 1);
  mark(arrayAt, arrayPages);
  for (let i = 0; i < folios; i += run) mark(pfnOf(i), Math.min(run, folios - i));
  memory.bytes(
    root,
    fdt({
      name: '',
      properties: [
        ['preserved-memory-map', native(map)],
        ['compatible', text('kho-v4')],
      ],
      children: [
        {
          name: 'LUO',
          properties: [
            ['blob-size', native(32)],
            ['preserved-data', native(luo)],
          ],
          children: [],
        },
      ],
    }),
  );

  const zeros = new Uint8Array(PAGE);
  const source: Source = {
    size: (arrayAt + arrayPages) * PAGE,
    read(offset, length) {
      const size = Math.min(length, this.size - offset);
      const out = new Uint8Array(size);
      for (let at = 0; at < size; ) {
        const inPage = (offset + at) % PAGE;
        const index = (offset + at - inPage) / PAGE;
        const part = Math.min(PAGE - inPage, size - at);
        if (index < arrayAt) out.set((memory.pages.get(index) ?? zeros).subarray(inPage, inPage + part), at);
        else {
          const view = new DataView(out.buffer, at, part);
          const from = ((index - arrayAt) * PAGE + inPage) / 16;
          for (let i = 0; i < part / 16; i++) {
            if (from + i >= folios) break;
            const pfn = pfnOf(from + i);
            view.setUint32(16 * i, pfn >>> 0, true);
            view.setUint32(16 * i + 4, Math.floor(pfn / 2 ** 32) + 0x300000, true);
            view.setUint32(16 * i + 8, from + i, true);
          }
        }
        at += part;
      }
      return out;
    },
    // What lies between is a hole of the file.
    nextData: (offset) => (offset < next * PAGE ? offset : Math.max(offset, arrayAt * PAGE)),
  };
  return openImage(source, { raw: { base: 0n } });
}
