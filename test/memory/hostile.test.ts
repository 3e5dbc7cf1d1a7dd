import fs from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { isCarryoverError } from '../../src/codec/index.js';
import {
  bytesSource,
  elfCore,
  fileSource,
  type Image,
  LIMITS,
  MEMORY_CODES,
  openImage,
} from '../../src/memory/index.js';
import { absentAt, fixturePath, unzipped } from './fixtures.js';

/** Does with an image all that one can do. */
function walk(image: Image): void {
  let regions = 0;
  for (const { address, size } of image.regions()) {
    if (regions++ > 50) break;
    image.read(address, 64);
    image.at(address + size - 1n);
    image.readSome(address + size - 8n, 16);
  }
  let windows = 0;
  for (const { bytes } of image.windows({ windowSize: 0x1000 }))
    if (windows++ > 20 || bytes.length === 0) break;
  expect(image.machine.name.length).toBeGreaterThan(0);
  image.notes();
  image.vmcoreinfo();
}

/** Opens and walks; an error is fine if it is one of ours. Says what happened. */
function attempt(bytes: Uint8Array): string {
  try {
    const image = openImage(bytesSource(bytes));
    walk(image);
    for (const problem of image.problems) expect(MEMORY_CODES).toHaveProperty(problem.code);
    return 'opened';
  } catch (error) {
    if (!isCarryoverError(error)) throw error;
    expect(MEMORY_CODES).toHaveProperty(error.code);
    expect(error.message).toContain(`[${error.code}]`);
    return error.code;
  }
}

const DUMPS: readonly (readonly [string, readonly (readonly [number, number])[]])[] = [
  [
    'vmcore.elf',
    [
      [0, 64 + 56 * 4],
      [4096, 4096 + 64],
    ],
  ],
  [
    'mixed.kdump',
    [
      [0, 16],
      [330, 480],
      [4096, 4096 + 140],
      [12288, 12288 + 24],
      [16384, 16384 + 200],
    ],
  ],
  [
    's390x.kdump',
    [
      [400, 480],
      [4096, 4200],
    ],
  ],
  [
    'i686.kdump',
    [
      [400, 480],
      [4096, 4200],
    ],
  ],
  [
    'makedumpfile-flat.kdump',
    [
      [0, 48],
      [4096, 4096 + 600],
    ],
  ],
  [
    'little.lime',
    [
      [0, 32],
      [32 + 0x6000, 64 + 0x6000],
    ],
  ],
  ['compressed.avml', [[0, 100]]],
];

describe.each(DUMPS)('%s', (name, ranges) => {
  const bytes = unzipped(`memory/${name}`);
  it('with any byte of its headers changed is opened or refused', () => {
    const outcomes = new Map<string, number>();
    for (const [from, to] of ranges)
      for (let at = from; at < to; at++)
        for (const mask of [0x01, 0x80, 0xff]) {
          const changed = bytes.slice();
          changed[at] = (changed[at] ?? 0) ^ mask;
          const outcome = attempt(changed);
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }
    expect(outcomes.get('opened')).toBeGreaterThan(0);
    expect(outcomes.size).toBeGreaterThan(1);
  });
  it('cut off anywhere is opened or refused', () => {
    const cuts = new Set([
      0, 1, 3, 7, 11, 15, 16, 31, 32, 51, 52, 63, 64, 463, 464, 511, 512, 4095, 4096, 8192, 12288,
    ]);
    for (const [from, to] of ranges) for (let at = from; at <= to; at += 5) cuts.add(at);
    for (let at = 0; at < bytes.length; at += 997) cuts.add(at);
    for (const cut of cuts) attempt(bytes.slice(0, cut));
    expect(attempt(bytes.slice(0, 3))).toBe('memory-not-an-image');
    expect(attempt(bytes.slice(0, bytes.length - 100))).toBe('opened');
  });
});

describe('bombs', () => {
  const zeros = gzipSync(new Uint8Array(64 << 20), { level: 9 });
  it('gzip inside gzip inside gzip is refused at the fourth layer', () => {
    let bytes: Uint8Array = gzipSync('not a dump');
    for (let i = 0; i < 4; i++) bytes = gzipSync(bytes);
    expect(attempt(bytes)).toBe('memory-nested');
  });
  it('what comes out of gzip is limited, and zeros are not kept', () => {
    const options = { raw: { base: 0n } };
    expect(() =>
      openImage(bytesSource(zeros), { ...options, limits: { unpackedBytes: 32 << 20 } }),
    ).toThrowError(/\[memory-limit\]/);
    const image = openImage(bytesSource(zeros), { ...options, limits: { unpackedKept: 1 << 16 } });
    expect(image.end).toBe(64n << 20n);
    expect(image.at(0x1000n)).toMatchObject({ state: 'zero' });
    const noise = Uint8Array.from({ length: 1 << 20 }, (_, i) => Math.imul(i, 2654435761) >>> 24);
    expect(() =>
      openImage(bytesSource(gzipSync(noise)), { ...options, limits: { unpackedKept: 1 << 19 } }),
    ).toThrowError(/that are not zero.*\[memory-limit\]/);
  });
  it('a gzip that is cut off gives what came out, and says so', () => {
    const packed = gzipSync(unzipped('memory/vmcore.elf'));
    const image = openImage(bytesSource(new Uint8Array(packed.subarray(0, packed.length - 3000))));
    expect(image.problems[0]?.code).toBe('memory-damaged');
    expect(image.problems[0]?.message).toMatch(/damaged or cut off/);
    expect(absentAt(image, 0x3003000n)).toBe('file-truncated');
    expect(absentAt(image, 0x2000000n)).toBeUndefined();
  });
});

describe('headers that lie', () => {
  const core = () =>
    elfCore({
      endian: 'little',
      bits: 64,
      elfMachine: 62,
      segments: [{ address: 0x1000n, bytes: new Uint8Array(16).fill(1) }],
    });
  const changed = (change: (view: DataView) => void) => {
    const bytes = core();
    change(new DataView(bytes.buffer));
    return () => openImage(bytesSource(bytes));
  };
  it.each([
    ['a class of 3', (v: DataView) => v.setUint8(4, 3), /EI_CLASS: .*\[memory-header\]/],
    ['a byte order of 0', (v: DataView) => v.setUint8(5, 0), /EI_DATA: .*\[memory-header\]/],
    ['an executable', (v: DataView) => v.setUint16(16, 2, true), /no core \[memory-not-an-image\]/],
    [
      'program headers of 0 bytes',
      (v: DataView) => v.setUint16(54, 0, true),
      /e_phentsize: .*\[memory-header\]/,
    ],
    [
      '65534 program headers',
      (v: DataView) => v.setUint16(56, 65534, true),
      /beyond the end of the file \[memory-truncated\]/,
    ],
    [
      'program headers at the end of 64 bits',
      (v: DataView) => v.setBigUint64(32, 2n ** 64n - 1n, true),
      /\[memory-truncated\]/,
    ],
    [
      'PN_XNUM without a section',
      (v: DataView) => v.setUint16(56, 0xffff, true),
      /section header 0.*\[memory-header\]/,
    ],
  ])('%s', (_, change, message) => {
    expect(changed(change)).toThrowError(message);
  });
  it('PN_XNUM with a count of millions', () => {
    const bytes = new Uint8Array(64 + 64);
    bytes.set(core().subarray(0, 64));
    const view = new DataView(bytes.buffer);
    view.setUint16(56, 0xffff, true);
    view.setBigUint64(40, 64n, true);
    view.setUint32(64 + 44, 0xfffffffe, true);
    expect(() => openImage(bytesSource(bytes))).toThrowError(new RegExp(`at most ${LIMITS.segments}`));
  });
  it('a segment whose offset wraps', () => {
    const image = changed((view) => {
      view.setBigUint64(64 + 8, 2n ** 64n - 8n, true);
    })();
    expect(absentAt(image, 0x1000n)).toBe('file-truncated');
  });
  it('more in the file than in memory', () => {
    const image = changed((view) => view.setBigUint64(64 + 40, 8n, true))();
    expect(image.problems.map(({ code }) => code)).toEqual(['memory-damaged']);
    expect([...image.regions()]).toEqual([{ address: 0x1000n, size: 8n, state: 'data' }]);
  });

  const kdump = (change: (view: DataView) => void) => () => {
    const bytes = unzipped('memory/snappy.kdump').slice();
    change(new DataView(bytes.buffer));
    return openImage(bytesSource(bytes));
  };
  const TABLE = 16384;
  it.each([
    [
      'a block size of 0',
      (v: DataView) => v.setUint32(428, 0, true),
      /make sense in no byte order.*\[memory-header\]/,
    ],
    ['a block size of 3000', (v: DataView) => v.setUint32(428, 3000, true), /\[memory-header\]/],
    ['a sub header of -1 blocks', (v: DataView) => v.setInt32(432, -1, true), /\[memory-header\]/],
    [
      'bitmaps of 16 TiB',
      (v: DataView) => v.setUint32(436, 0xfffffffe, true),
      /larger than any memory needs \[memory-limit\]/,
    ],
    [
      'more pages than the bitmaps have',
      (v: DataView) => v.setBigUint64(4096 + 96, 2n ** 63n, true),
      /too small.*\[memory-header\]/,
    ],
  ])('%s', (_, change, message) => {
    expect(kdump(change)).toThrowError(message);
  });
  it.each([
    ['no offset', (v: DataView) => v.setBigInt64(TABLE, 0n, true), 'file-truncated'],
    ['a negative offset', (v: DataView) => v.setBigInt64(TABLE, -4096n, true), 'undecodable'],
    ['an offset among the headers', (v: DataView) => v.setBigInt64(TABLE, 4096n, true), 'undecodable'],
    ['an offset beyond the file', (v: DataView) => v.setBigInt64(TABLE, 2n ** 62n, true), 'file-truncated'],
    ['a size of 0', (v: DataView) => v.setUint32(TABLE + 8, 0, true), 'undecodable'],
    ['a size beyond the page', (v: DataView) => v.setUint32(TABLE + 8, 5000, true), 'undecodable'],
    ['two kinds of compression', (v: DataView) => v.setUint32(TABLE + 12, 3, true), 'undecodable'],
    ['another kind of compression', (v: DataView) => v.setUint32(TABLE + 12, 1, true), 'undecodable'],
    ['no compression', (v: DataView) => v.setUint32(TABLE + 12, 0, true), 'undecodable'],
  ])('a page with %s is absent, and the next one is read', (_, change, reason) => {
    const image = kdump(change)();
    expect(absentAt(image, 0n)).toBe(reason);
    expect(absentAt(image, 0x1000n)).toBeUndefined();
  });
});

describe('problems of their own', () => {
  it('a gzip of which nothing comes out', () => {
    const bytes = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xff, 0xff, 0xff);
    expect(() => openImage(bytesSource(bytes))).toThrowError(
      /gzip stream cannot be decompressed \[memory-compression\]/,
    );
  });
  it('a note longer than its segment, after which none is read', () => {
    const bytes = elfCore({
      endian: 'little',
      bits: 64,
      elfMachine: 62,
      segments: [],
      notes: [
        { name: 'CORE', type: 1, content: new Uint8Array(8) },
        { name: 'QEMU', type: 0, content: new Uint8Array(8) },
      ],
    });
    // The second note's size, behind the first one of 12 + 8 + 8 bytes.
    new DataView(bytes.buffer).setUint32(64 + 56 + 28 + 4, 0xffffffff, true);
    const image = openImage(bytesSource(bytes));
    expect(image.notes().map(({ name }) => name)).toEqual(['CORE']);
    expect(image.problems.map(({ code, offset }) => [code, offset])).toEqual([['memory-note', 64 + 56 + 28]]);
  });
  it('a file that the system does not let read', () => {
    const file = fileSource(fs, fixturePath('memory/pages.json'));
    expect(file.read(0, 2)).toEqual(Uint8Array.of(0x7b, 0x0a));
    expect(file.read(file.size - 1, 100)).toHaveLength(1);
    file.close();
    expect(() => file.read(0, 1)).toThrowError(/cannot be read: .*EBADF.*\[memory-unreadable\]/);
  });
  it('a LiME dump full of headers that are none is not searched for ever', () => {
    const bytes = new Uint8Array(4 << 20);
    for (let at = 32; at < bytes.length; at += 8) bytes.set([0x45, 0x4d, 0x69, 0x4c, 1], at);
    bytes.set([0x45, 0x4d, 0x69, 0x4c, 1, 0, 0, 0], 0);
    new DataView(bytes.buffer).setBigUint64(8, 0n, true);
    new DataView(bytes.buffer).setBigUint64(16, 2n ** 63n, true);
    const image = openImage(bytesSource(bytes));
    expect(image.problems.map(({ code }) => code)).toEqual(['memory-cut-short']);
  });
});

describe('what is no dump of memory is named', () => {
  it.each([
    ['QEVM', 'a QEMU migration stream'],
    ['QFI\u00fb', 'a qcow2 disk image'],
    ['hello, world', 'none of the memory dumps'],
    ['', 'the file is empty'],
  ])('%s', (start, message) => {
    expect(() => openImage(bytesSource(Uint8Array.from(start, (c) => c.charCodeAt(0))))).toThrowError(
      message,
    );
  });
});
