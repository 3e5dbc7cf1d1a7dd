import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { elfCore, fileSource, type Image, openImage, type Source } from '../../src/memory/index.js';
import { absentAt, bytesAt, unzipped } from './fixtures.js';

const GiB = 2 ** 30;
const SIZE = 300 * GiB;

let folder: string;
beforeAll(() => {
  folder = fs.mkdtempSync(join(tmpdir(), 'carryover-'));
});
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** A file of 300 GiB that takes almost no room: zeros but for these bytes. */
function sparseFile(name: string, parts: readonly (readonly [number, Uint8Array])[]): string {
  const path = join(folder, name);
  const fd = fs.openSync(path, 'w');
  for (const [offset, bytes] of parts) fs.writeSync(fd, bytes, 0, bytes.length, offset);
  fs.ftruncateSync(fd, SIZE);
  fs.closeSync(fd);
  return path;
}

/** Opens a file, does something with the image, and says how many bytes were read of the file for it. */
function counted(
  path: string,
  use: (image: Image) => void,
  known?: { offset: number; length: number }[],
): number {
  const file = fileSource(fs, path, known);
  let read = 0;
  const source: Source = {
    ...file,
    read(offset, length) {
      const bytes = file.read(offset, length);
      read += bytes.length;
      return bytes;
    },
  };
  try {
    use(openImage(source));
  } finally {
    file.close();
  }
  return read;
}

describe('an ELF core of 300 GiB', () => {
  const page = (value: number) => new Uint8Array(4096).fill(value);
  /** 3,000 segments of 100 MiB, one behind the other in the file, with holes of 1 MiB between them in memory. */
  const count = 3000;
  const step = 100 * 2 ** 20;
  const addressOf = (index: number) => BigInt(index) * BigInt(step + 2 ** 20);
  const dataAt = 0x100000;
  const path = () => {
    const headers = elfCore({
      endian: 'little',
      bits: 64,
      elfMachine: 62,
      segments: Array.from({ length: count }, (_, i) => ({
        address: addressOf(i),
        bytes: new Uint8Array(0),
      })),
    }).slice(0, 64 + 56 * count);
    const view = new DataView(headers.buffer);
    for (let i = 0; i < count; i++) {
      view.setBigUint64(64 + 56 * i + 8, BigInt(dataAt + i * step), true);
      view.setBigUint64(64 + 56 * i + 32, BigInt(step), true);
      view.setBigUint64(64 + 56 * i + 40, BigInt(step), true);
    }
    return sparseFile('core', [
      [0, headers],
      [dataAt + 2999 * step + 4096, page(9)],
      [dataAt + 1500 * step, page(8)],
    ]);
  };

  it('is opened, listed and followed by reading less than 2 MiB of it', () => {
    const read = counted(path(), (image) => {
      expect(image.problems).toEqual([]);
      const regions = [...image.regions()];
      expect(regions).toHaveLength(count);
      expect(bytesAt(image, addressOf(2999) + 4096n, 4096)).toEqual(page(9));
      for (let i = 0; i < 10; i++)
        expect(bytesAt(image, addressOf(1500) + BigInt(i), 1)).toEqual(Uint8Array.of(8));
      expect(absentAt(image, addressOf(1500) - 1n)).toBe('not-in-dump');
    });
    expect(read).toBeLessThan(2 ** 21);
  });

  it('is looked through by reading what the file system says is stored', () => {
    const extents = [
      { offset: 0, length: dataAt },
      { offset: dataAt + 1500 * step, length: 4096 },
      { offset: dataAt + 2999 * step + 4096, length: 4096 },
    ];
    const found: [bigint, number][] = [];
    const read = counted(
      path(),
      (image) => {
        expect(image.at(addressOf(1500) + 4096n)).toMatchObject({ state: 'zero', because: 'file-hole' });
        for (const { address, bytes } of image.windows({ windowSize: 0x10000 })) {
          const at = bytes.findIndex((byte) => byte !== 0);
          found.push([address + BigInt(at), bytes[at] ?? 0]);
        }
      },
      extents,
    );
    expect(found).toEqual([
      [addressOf(1500), 8],
      [addressOf(2999) + 4096n, 9],
    ]);
    expect(read).toBeLessThan(2 ** 21);
  });
});

describe('a kdump of 300 GiB', () => {
  it('is opened and read near its start by reading little, and near its end by reading its bitmap once', () => {
    const small = unzipped('memory/snappy.kdump');
    const view = new DataView(small.buffer, small.byteOffset);
    // 8 TiB of memory: bitmaps of 256 MiB each. The pages of the golden stay where they are, one comes at the end.
    const pages = 2 ** 31;
    const half = pages / 8;
    const blocks = (2 * half) / 4096;
    const head = small.slice(0, 8192);
    const headView = new DataView(head.buffer);
    headView.setUint32(436, blocks, true);
    headView.setUint32(440, pages, true);
    headView.setBigUint64(4096 + 96, BigInt(pages), true);
    const bitmapOf = (index: number) => small.slice(8192 + index * 4096, 8192 + index * 4096 + 4096);
    const oldTable = 8192 + 2 * 4096;
    const stored = bitmapOf(1).reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
    const newTable = 8192 + 2 * half;
    const data = 250 * GiB;
    const table = small.slice(oldTable, oldTable + 24 * (stored + 1));
    const tableView = new DataView(table.buffer);
    for (let i = 0; i < stored; i++) {
      const offset = view.getBigUint64(oldTable + 24 * i, true);
      tableView.setBigUint64(24 * i, offset - BigInt(oldTable + 24 * stored) + BigInt(data), true);
    }
    tableView.setBigUint64(24 * stored, BigInt(data + GiB), true);
    tableView.setUint32(24 * stored + 8, 4096, true);
    tableView.setUint32(24 * stored + 12, 0, true);
    const path = sparseFile('kdump', [
      [0, head],
      [8192, bitmapOf(0)],
      [8192 + half - 1, Uint8Array.of(0x80)],
      [8192 + half, bitmapOf(1)],
      [8192 + 2 * half - 1, Uint8Array.of(0x80)],
      [newTable, table],
      [data, small.slice(oldTable + 24 * stored)],
      [data + GiB, new Uint8Array(4096).fill(7)],
    ]);
    const near = counted(path, (image) => {
      expect(image.problems).toEqual([]);
      expect(image.end).toBe(BigInt(pages) * 4096n);
      expect(bytesAt(image, 0n, 5)).toEqual(new TextEncoder().encode('Linux'));
      for (const region of image.regions()) {
        expect(region).toEqual({ address: 0n, size: 0x6000n, state: 'data' });
        break;
      }
    });
    expect(near).toBeLessThan(2 ** 20);
    const far = counted(path, (image) => {
      expect(bytesAt(image, image.end - 1n, 1)).toEqual(Uint8Array.of(7));
      expect(absentAt(image, image.end - 4097n)).toBe('not-in-dump');
    });
    expect(far).toBeLessThan(3 * half);
  });
});
