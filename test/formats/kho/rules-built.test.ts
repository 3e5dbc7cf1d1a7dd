/** Rules that take more than a patch of a capture: memory that is built with exactly that fault. */
import { describe, expect, it } from 'vitest';
import { HANDOVER_RULES, openHandover } from '../../../src/formats/kho/index.js';
import { type Built, build, fdt, type Memory, native, type Spec, text } from './builder.js';
import { addressOf, copyOf, open } from './patch.js';
import { openCapture, rulesOf } from './support.js';

type Property = readonly [string, Uint8Array];
interface Child {
  readonly name: string;
  readonly properties: readonly Property[];
  readonly children: readonly Child[];
}
const node = (name: string, properties: readonly Property[], children: readonly Child[] = []): Child => ({
  name,
  properties,
  children,
});

/** A built handover whose root is written anew. */
function withRoot(make: (built: Built) => Child, spec: Partial<Spec> = {}, preserved = true): string[] {
  const built = build({
    kho: 'v4',
    pageSize: 4096,
    nodes: [{ name: 'x', bytes: new Uint8Array([1]) }],
    ...spec,
  });
  const at = preserved ? built.root : 0x7000000;
  built.memory.bytes(at, new Uint8Array(4096));
  built.memory.bytes(at, fdt(make(built), preserved));
  return rulesOf(openHandover(built.memory.image(62), { khoFdt: BigInt(at) }));
}
const sound = (built: Built): readonly Property[] => [
  ['preserved-memory-map', native(built.map)],
  ['compatible', text('kho-v4')],
];
const x = (built: Built, size: number, shift = 0): Child =>
  node('x', [
    ['blob-size', native(size)],
    ['preserved-data', native((built.places.get('blob x') ?? 0) + shift)],
  ]);

describe('the root', () => {
  it('is sound', () => expect(withRoot((b) => node('', sound(b), [x(b, 1)]))).toEqual([]));
  it.each<[string, (built: Built) => Child]>([
    ['kho/root-property', (b) => node('', [...sound(b), ['odd', native(1)]], [x(b, 1)])],
    [
      'kho/node-property',
      (b) => node('', sound(b), [{ ...x(b, 1), properties: [...x(b, 1).properties, ['odd', native(1)]] }]),
    ],
    ['kho/node-duplicate', (b) => node('', sound(b), [x(b, 1), x(b, 1)])],
    ['kho/blob-unaligned', (b) => node('', sound(b), [x(b, 1, 8)])],
    ['kho/blob-too-large', (b) => node('', sound(b), [x(b, 2 ** 25)])],
    ['kho/blob-empty', (b) => node('', sound(b), [x(b, 0)])],
    [
      'kho/root-composite',
      (b) =>
        node(
          '',
          [
            ['preserved-memory-map', native(b.map)],
            ['compatible', text('kho-v4;radix-v1')],
          ],
          [x(b, 1)],
        ),
    ],
    [
      'kho/root-compatible',
      (b) =>
        node(
          '',
          [
            ['preserved-memory-map', native(b.map)],
            ['compatible', text('kho-v5')],
          ],
          [x(b, 1)],
        ),
    ],
    ['kho/root-map', (b) => node('', [['compatible', text('kho-v4')]], [x(b, 1)])],
  ])('%s', (rule, make) => {
    expect(withRoot(make)).toContain(rule);
  });
  it('kho/root-not-preserved', () =>
    expect(withRoot((b) => node('', sound(b), [x(b, 1)]), {}, false)).toContain('kho/root-not-preserved'));
  it('kho/root-invalid and kho/root-too-large', () => {
    const { root } = openCapture('v3');
    const memory = copyOf('v3');
    memory.bytes(Number(root.address) + 20, new Uint8Array([0, 0, 0, 1]));
    expect(rulesOf(open(memory, 'v3', { khoFdt: root.address }))).toContain('kho/root-invalid');
    const large = copyOf('v3');
    large.bytes(Number(root.address) + 4, new Uint8Array([0, 0, 0x20, 0]));
    expect(rulesOf(open(large, 'v3', { khoFdt: root.address }))).toContain('kho/root-too-large');
  });
});

describe('blobs', () => {
  const nodes = (name: string, bytes: Uint8Array): string[] =>
    rulesOf(openHandover(build({ kho: 'v4', pageSize: 4096, nodes: [{ name, bytes }] }).image));
  const metadata = (size: number): Uint8Array => {
    const bytes = new Uint8Array(size);
    bytes[0] = 1;
    bytes[69] = 1;
    return bytes;
  };
  const region = (name: string, start: bigint, size: bigint): Child =>
    node(name, [
      ['compatible', text('reserve-mem-v1')],
      ['start', native(start)],
      ['size', native(size)],
    ]);
  const memblock = (...regions: readonly Child[]): Uint8Array =>
    fdt(node('', [['compatible', text('memblock-v1')]], regions));
  const test = (magic: number, properties: readonly Property[]): Uint8Array =>
    fdt(
      node(
        '',
        [
          ['compatible', text('kho-test-v1')],
          ['magic', native(magic, 4)],
        ],
        [node('data', properties)],
      ),
    );
  it.each<[string, string, Uint8Array]>([
    ['kexec-metadata/size', 'kexec-metadata', metadata(70)],
    ['kexec-metadata/size-other', 'kexec-metadata', metadata(80)],
    ['kexec-metadata/count', 'kexec-metadata', metadata(73).fill(0, 69)],
    ['luo/size', 'LUO', new Uint8Array(24)],
    [
      'luo/size-other',
      'LUO',
      new Uint8Array([...Buffer.from('luo-v5\0\0'), ...native(1), ...native(0), ...native(0), 0]),
    ],
    ['luo/property', 'LUO', fdt(node('', [['compatible', text('luo-v1')]]))],
    ['memblock/compatible', 'memblock', fdt(node('', [['compatible', text('memblock-v2')]]))],
    ['memblock/unaligned', 'memblock', memblock(region('a', 0x1001n, 0x1000n))],
    ['memblock/not-preserved', 'memblock', memblock(region('a', 0x1000n, 0x1000n))],
    ['memblock/name', 'memblock', memblock(region('a-name-of-seventeen', 0x1000n, 0x1000n))],
    [
      'memblock/many',
      'memblock',
      memblock(...Array.from({ length: 9 }, (_, i) => region(`r${i}`, 0x1000n, 0x1000n))),
    ],
    ['memblock/region', 'memblock', memblock(node('a', [['compatible', text('reserve-mem-v1')]]))],
    ['kho/blob-invalid', 'memblock', new Uint8Array(300).fill(7)],
    [
      'kho-test/compatible',
      'kho_test',
      test(1, [
        ['nr_folios', native(0, 4)],
        ['csum', native(0, 4)],
        ['folios_info', new Uint8Array()],
      ]),
    ],
    ['kho-test/property', 'kho_test', test(0x4b484f21, [])],
    [
      'kho-test/folios-info',
      'kho_test',
      test(0x4b484f21, [
        ['nr_folios', native(3, 4)],
        ['csum', native(0, 4)],
        ['folios_info', new Uint8Array(20)],
      ]),
    ],
    [
      'kho-test/folio-not-preserved',
      'kho_test',
      test(0x4b484f21, [
        ['nr_folios', native(1, 4)],
        ['csum', native(0, 4)],
        ['folios_info', native(0x1003)],
      ]),
    ],
  ])('%s', (rule, name, bytes) => {
    expect(nodes(name, bytes)).toContain(rule);
  });
});

describe('the map', () => {
  it('kho/map-preserved', () => {
    const handover = openCapture('v1b');
    const memory = copyOf('v1b');
    const bitmap = addressOf(handover, 'fdt.preserved-memory-map.chunks[0].bitmaps[0].bitmap');
    memory.bit(bitmap, addressOf(handover, 'fdt.preserved-memory-map.chunks[6]') / 4096);
    expect(rulesOf(open(memory, 'v1b'))).toContain('kho/map-preserved');
  });
  it('kho/chunk-unaligned', () => {
    const handover = openCapture('v1b');
    const memory = copyOf('v1b');
    const [last, before] = [6, 5].map((i) => addressOf(handover, `fdt.preserved-memory-map.chunks[${i}]`));
    memory.u64(before ?? 0, (last ?? 0) + 8);
    expect(rulesOf(open(memory, 'v1b'))).toContain('kho/chunk-unaligned');
  });
  it('kho/key-address and kho/key-order', () => {
    const built = build({ kho: 'v4', pageSize: 4096, nodes: [{ name: 'x', bytes: new Uint8Array([1]) }] });
    // A chain of pages to a leaf, under a slot that leads to page frames from 2^42 on, and under slot 0.
    const chain = (from: number, bit: number): number => {
      for (let level = 0; level < 3; level++)
        built.memory.u64(from + level * 4096, from + (level + 1) * 4096);
      built.memory.bit(from + 3 * 4096, bit);
      built.memory.touch(from, 4 * 4096);
      return from;
    };
    const second = Number(
      built.memory.pages
        .get(built.map / 4096)
        ?.slice(16, 20)
        .reduce((sum, byte, i) => sum + byte * 2 ** (8 * i), 0),
    );
    built.memory.u64(second + 8 * 64, chain(0x7000000, 5));
    const first = 0x7100000;
    built.memory.u64(built.map, first);
    built.memory.u64(first, chain(0x7200000, 0));
    built.memory.bit(0x7203000, 9);
    const rules = rulesOf(openHandover(built.memory.image(62)));
    expect(rules).toContain('kho/key-address');
    expect(rules).toContain('kho/key-order');
  });
});

describe('lists', () => {
  const spec: Spec = {
    kho: 'v4',
    luo: 'v5',
    pageSize: 4096,
    sessions: [
      {
        name: 's',
        files: [
          { token: 1n, size: 16384, folios: [{ index: 0, order: 1, fill: 'a' }] },
          { token: 2n, size: 16384, folios: [{ index: 1, order: 1, fill: 'b' }] },
        ],
      },
      { name: 't', files: [] },
    ],
    flbs: [{ name: 'x'.repeat(48), data: 0n, count: 1 }],
  };
  const place = (built: Built, name: string): number => {
    const at = built.places.get(name);
    if (at === undefined) throw new Error(`there is no ${name}`);
    return at;
  };
  const copyPage = (memory: Memory, from: number, to: number): void =>
    memory.bytes(to, (memory.pages.get(from / 4096) ?? new Uint8Array(4096)).slice());
  const away = 0x7000000;
  it.each<[readonly string[], (built: Built) => void]>([
    [['memfd/folio-index', 'luo/flb-name'], () => undefined],
    [
      ['kho/block-not-preserved'],
      (b) => {
        copyPage(b.memory, place(b, 'sessions'), away);
        b.memory.u64(place(b, 'blob LUO') + 16, away);
      },
    ],
    [['kho/block-unaligned'], (b) => b.memory.u64(place(b, 'blob LUO') + 16, place(b, 'sessions') + 8)],
    [
      ['luo/not-preserved'],
      (b) => {
        copyPage(b.memory, place(b, 'FLBs'), away);
        b.memory.u64(place(b, 'blob LUO') + 24, away);
      },
    ],
    [['luo/pointer-unaligned'], (b) => b.memory.u64(place(b, 'blob LUO') + 24, place(b, 'FLBs') + 8)],
    [['kho/vmalloc-empty'], (b) => b.memory.u64(place(b, 'memfd 1') + 32, 0)],
    [
      ['kho/vmalloc-chunk'],
      (b) => {
        b.memory.u64(away + 8, place(b, 'array 1'));
        b.memory.u64(place(b, 'memfd 1') + 32, away);
      },
    ],
    [
      ['kho/vmalloc-chunks'],
      (b) => {
        b.memory.u64(away + 8, place(b, 'array 1'));
        b.memory.u64(away, away + 4096);
        b.memory.touch(away + 4096, 4096);
        b.memory.u64(place(b, 'memfd 1') + 32, away);
      },
    ],
    [['kho/vmalloc-unaligned'], (b) => b.memory.u64(place(b, 'memfd 1') + 32, away + 8)],
    // Two sessions with one list of files, two files with one memfd, two memfds with one array.
    [
      ['kho/shared'],
      (b) => {
        b.memory.u64(place(b, 'sessions') + 16 + 80 + 64, place(b, 'files s'));
        b.memory.u64(place(b, 'sessions') + 16 + 80 + 72, 2);
      },
    ],
    [['memfd/data'], (b) => b.memory.u64(place(b, 'files s') + 16 + 64 + 48, place(b, 'memfd 1'))],
    [['kho/shared'], (b) => copyPage(b.memory, place(b, 'memfd 1'), place(b, 'memfd 2'))],
  ])('%s', (rules, patch) => {
    const built = build(spec);
    built.memory.touch(away, 8192);
    patch(built);
    const found = rulesOf(openHandover(built.memory.image(62)));
    for (const rule of rules) expect(found).toContain(rule);
  });

  it('memfd/folio-large', () => {
    const folios = [{ index: 0, order: 11, fill: 'x' }];
    const sessions = [{ name: 's', files: [{ token: 1n, size: 2 ** 23, folios }] }];
    expect(rulesOf(openHandover(build({ ...spec, flbs: [], sessions }).image))).toEqual([
      'memfd/folio-large',
    ]);
  });

  it('claims of terabytes cost nothing', () => {
    const built = build(spec);
    const memfd = place(built, 'memfd 1');
    built.memory.u64(memfd + 8, 1n << 60n);
    built.memory.u64(memfd + 24, 1n << 56n);
    built.memory.u32(memfd + 40, 2 ** 31);
    built.memory.u16(memfd + 46, 31);
    const start = performance.now();
    expect(rulesOf(openHandover(built.memory.image(62)))).toContain('kho/vmalloc-entry');
    expect(performance.now() - start).toBeLessThan(5000);
  });

  it('more than 10000 blocks are not followed', () => {
    const built = build(spec);
    const first = 0x10000000;
    for (let i = 0; i < 10_002; i++) {
      built.memory.u64(first + i * 4096, first + (i + 1) * 4096);
      built.memory.u64(first + i * 4096 + 8, 1);
      built.memory.bytes(first + i * 4096 + 16, `n${i}`);
    }
    built.memory.u64(place(built, 'blob LUO') + 16, first);
    expect(rulesOf(openHandover(built.memory.image(62)))).toContain('kho/block-many');
  });
});

it('every rule says what must hold, under a name of its own', () => {
  const names = HANDOVER_RULES.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { name, title, text: explanation } of HANDOVER_RULES) {
    expect(name).toMatch(/^[a-z-]+\/[a-z-]+$/);
    expect(title).not.toMatch(/\.$/);
    expect(explanation).toMatch(/[.…]$/);
  }
});
