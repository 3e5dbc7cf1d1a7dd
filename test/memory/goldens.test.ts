import { describe, expect, it } from 'vitest';
import { ABI } from '../../src/codec/index.js';
import { bytesSource, type Image, openImage } from '../../src/memory/index.js';
import { absentAt, bytesAt, crc32, openFixture, PAGES, unzipped } from './fixtures.js';

/** Dumps of other tools and of the script beside them; all hold the pages of pages.json. */
function expectPages(image: Image, less = 0n): void {
  let pages = 0;
  for (const [address, crc] of PAGES) {
    // The dumps that the script writes itself begin at 0 and go up to 1 MiB.
    if (less !== 0n && address - less >= 0x100000n) continue;
    const at = address - less;
    if (less !== 0n && at === 0x81000n) expect(absentAt(image, at)).toBe('excluded');
    else expect([at, crc32(bytesAt(image, at, 4096))]).toEqual([at, crc]);
    pages++;
  }
  expect(pages).toBeGreaterThan(7);
  expect(image.problems).toEqual([]);
}
const BASE = 0x2000000n;

describe('makedumpfile', () => {
  it.each([
    ['vmcore.elf', ['elf-core']],
    ['makedumpfile-zlib.kdump', ['kdump']],
    ['makedumpfile-lzo.kdump', ['kdump']],
    ['makedumpfile-raw.kdump', ['kdump']],
    ['makedumpfile-flat.elf', ['flattened', 'elf-core']],
  ])('%s', (name, layers) => {
    const image = openFixture(`memory/${name}`);
    expectPages(image);
    expect(image.layers).toEqual(layers);
    expect(image.machine).toMatchObject({ name: 'x86_64', endian: 'little', bits: 64, abi: ABI.x86_64 });
    expect(image.pageSize).toBe(4096);
    expect(image.vmcoreinfo()?.release).toBe('7.2.13');
    expect(image.vmcoreinfo()?.symbol('init_top_pgt')).toBe(0xffffffff83000000n);
    expect(image.vmcoreinfo()?.number('KERNEL_IMAGE_SIZE')).toBe(1073741824n);
    expect(image.notes().map((note) => note.name)).toEqual(['CORE', 'VMCOREINFO']);
    expect(absentAt(image, 0x2006000n)).toBe('not-in-dump');
  });

  it.each(['makedumpfile-zero.kdump', 'makedumpfile-flat.kdump'])(
    '%s, of which one page stands for all that are zero',
    (name) => {
      const image = openFixture(`memory/${name}`);
      expectPages(image);
      expect(image.at(0x2001010n)).toEqual({ state: 'zero', length: 0xff0n, because: 'zero-page' });
      const { bytes, holes } = image.readSome(0x2000800n, 0x6000);
      expect(holes.map((hole) => [hole.address, hole.length, hole.absence.absent])).toEqual([
        [0x2006000n, 0x800, 'not-in-dump'],
      ]);
      expect(bytes.subarray(0x800, 0x1800).every((byte) => byte === 0)).toBe(true);
      expect(bytes.subarray(0x1800, 0x5800)).toEqual(bytesAt(image, 0x2002000n, 0x4000));
    },
  );
  it('an ELF core without its last page, which was zero: left out, unless one says that it is zero', () => {
    const image = openFixture('memory/makedumpfile-elf.elf');
    expect(absentAt(image, 0x2081000n)).toBe('excluded');
    expect(absentAt(image, 0x2082000n)).toBe('not-in-dump');
    expect(crc32(bytesAt(image, 0x2080000n, 4096))).toBe(PAGES.get(0x2080000n));
    expectPages(openFixture('memory/makedumpfile-elf.elf', { elfTails: 'zero' }));
  });

  it('reads a split set in any order, and knows what a missing part had', () => {
    const parts = [1, 2, 3].map((i) => bytesSource(unzipped(`memory/makedumpfile-split-${i}.kdump`)));
    expectPages(openImage(parts));
    expectPages(openImage([...parts].reverse()));
    // The first part owns all pages of this dump, the others none.
    const [first, second, third] = parts;
    if (first === undefined || second === undefined || third === undefined) throw new Error('three parts');
    expect(absentAt(openImage(second), 0x2000000n)).toBe('other-part');
    expect(absentAt(openImage([second, third]), 0x2000000n)).toBe('other-part');
    expect(() => openImage([first, bytesSource(unzipped('memory/makedumpfile-zlib.kdump'))])).toThrowError(
      /no part of a set \[memory-split\]/,
    );
    expect(() => openImage([first, first])).toThrowError(/both have the pages/);
  });
});

describe('other writers', () => {
  it.each([
    ['mixed.kdump', 'x86_64', ABI.x86_64],
    ['snappy.kdump', 'x86_64', ABI.x86_64],
    ['zstd.kdump', 'x86_64', ABI.x86_64],
    ['s390x.kdump', 's390x', ABI.s390x],
    ['i686.kdump', 'i686', ABI.i386],
    ['arm.kdump', 'armv7l', ABI.arm],
    ['ppc.kdump', 'ppc', ABI.powerpc],
  ])('%s: compressions, widths, byte orders and alignments', (name, machine, abi) => {
    const image = openFixture(`memory/${name}`);
    expectPages(image, BASE);
    expect(image.machine).toMatchObject({ name: machine, abi });
    expect(image.vmcoreinfo()?.release).toBe('7.2.13');
    expect(image.notes().map((note) => note.name)).toEqual(['VMCOREINFO']);
    expect(absentAt(image, 0x6000n)).toBe('not-in-dump');
    expect(absentAt(image, 0x10_0000n)).toBe('past-end');
  });

  it.each([
    ['little.lime', 'lime', 'little'],
    ['big.lime', 'lime', 'big'],
    ['compressed.avml', 'avml', 'little'],
  ])('%s', (name, kind, endian) => {
    const image = openFixture(`memory/${name}`);
    expectPages(image);
    expect(image.kind).toBe(kind);
    expect(image.machine.endian).toBe(endian);
    expect(absentAt(image, 0x2006000n)).toBe('not-in-dump');
    expect([...image.regions()].map(({ address, size }) => [address, size])).toEqual([
      [0x2000000n, 0x6000n],
      [0x2080000n, 0x2000n],
      [0x3000000n, 0x4000n],
    ]);
    // Across the frames of AVML.
    expect(bytesAt(image, 0x2001ff0n, 0x1020)).toEqual(
      Uint8Array.of(...bytesAt(image, 0x2001ff0n, 0x10), ...bytesAt(image, 0x2002000n, 0x1010)),
    );
  });
});
