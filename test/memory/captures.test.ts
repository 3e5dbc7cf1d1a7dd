import { expect, it } from 'vitest';
import { firstNonZero } from '../../src/codec/bytes.js';
import { ABI } from '../../src/codec/index.js';
import { bytesSource, openImage } from '../../src/memory/index.js';
import { absentAt, bytesAt, fixture, openFixture, unzipped } from './fixtures.js';

const PAGE = 4096n;

it('the ELF core and the kdump of the x86_64 guest hold the same pages, and the kdump zeros elsewhere', () => {
  const elf = openImage(bytesSource(fixture('kho/kho-v4-luo-v5-x86_64.elf.gz')));
  const kdump = openImage(bytesSource(fixture('kho/kho-v4-luo-v5-x86_64.kdump.gz')));
  expect(elf.layers).toEqual(['gzip', 'elf-core']);
  expect(kdump.layers).toEqual(['gzip', 'flattened', 'kdump']);
  expect(elf.problems).toEqual([]);
  expect(kdump.problems).toEqual([]);
  let pages = 0;
  for (const { address, size } of elf.regions())
    for (let at = address; at < address + size; at += PAGE, pages++)
      expect(bytesAt(elf, at, 4096)).toEqual(bytesAt(kdump, at, 4096));
  expect(pages).toBe(396);

  // What the kdump stores otherwise than as its shared page of zeros is what the core has.
  let stored = 0;
  let zeros = 0;
  for (const { address, size } of kdump.regions())
    for (let at = address; at < address + size; ) {
      const place = kdump.at(at);
      const pages = Number(place.length / PAGE);
      if (place.state === 'zero') {
        zeros += pages;
        // Absent memory reads as zeros here.
        expect(firstNonZero(elf.readSome(at, pages * 4096).bytes, 0, pages * 4096)).toBe(-1);
      } else {
        stored += pages;
        expect(absentAt(elf, at)).toBeUndefined();
      }
      at += place.length;
    }
  // Pages that follow each other and are zero are one place.
  const zero = kdump.at(0x8000000n);
  expect([zero.state, zero.length >= 0x40000n, zero.length % PAGE]).toEqual(['zero', true, 0n]);
  // 256 MiB of memory and 64 KiB of firmware.
  expect((stored + zeros) * 4096).toBe(0x10010000);
  expect(stored).toBeGreaterThan(380);
});

it('tells the machine from ELF headers, and from the registers where a kdump does not name it', () => {
  const arm = openImage(bytesSource(fixture('kho/kho-v4-luo-v5-arm64-64k.elf.gz')));
  expect(arm.machine).toMatchObject({ name: 'aarch64', bits: 64, endian: 'little', abi: ABI.aarch64 });
  const kdump = openImage(bytesSource(fixture('kho/kho-v4-luo-v5-x86_64.kdump.gz')));
  expect(kdump.machine).toMatchObject({ name: 'x86_64', abi: ABI.x86_64 });
  expect(kdump.pageSize).toBe(4096);
});

it('reads the arm64 core of 64 KiB pages: 255 of them, the first with a device tree somewhere', () => {
  const image = openImage(bytesSource(fixture('kho/kho-v4-luo-v5-arm64-64k.elf.gz')));
  const regions = [...image.regions()];
  expect(regions).toHaveLength(11);
  expect(regions.reduce((sum, { size }) => sum + size, 0n)).toBe(255n * 65536n);
  const trees: bigint[] = [];
  for (const { address, bytes } of image.windows())
    for (let at = 0; at < bytes.length; at += 65536)
      if (bytes[at] === 0xd0 && bytes[at + 1] === 0x0d && bytes[at + 2] === 0xfe && bytes[at + 3] === 0xed)
        trees.push(address + BigInt(at));
  expect(trees.length).toBeGreaterThan(0);
  expect(absentAt(image, 0x60500000n)).toBe('not-in-dump');
  expect(absentAt(image, 0x1_0000_0000n)).toBe('past-end');
});

it.each([
  'kho-v1a-512B-bitmaps-meta',
  'kho-v1a-refinalized-broken-meta',
  'kho-v1b-luo-v1-noflb-memfd-v1-meta',
  'kho-v3-luo-v1-flb-memfd-v2-meta',
])('opens the older capture %s without a complaint', (name) => {
  const image = openFixture(`kho/kho-older/${name}.elf`);
  expect(image.problems).toEqual([]);
  const size = [...image.regions()].reduce((sum, region) => sum + region.size, 0n);
  expect(size % PAGE).toBe(0n);
  expect(size).toBeGreaterThan(0n);
  expect(Number(size)).toBeLessThanOrEqual(unzipped(`kho/kho-older/${name}.elf`).length);
});
