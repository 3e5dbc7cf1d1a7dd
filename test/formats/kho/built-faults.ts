/** Faults that take more than a patch of a capture: memory that is built with exactly that fault. */
import { openHandover } from '../../../src/formats/kho/index.js';
import { MAX_RUNS } from '../../../src/formats/memfd/index.js';
import { bytesSource, openImage, writeElfCore } from '../../../src/memory/index.js';
import { type Built, build, fdt, type Memory, native, type Spec, text } from './builder.js';
import { hugeMemfd } from './huge.js';
import { addressOf, copyOf, open, read } from './patch.js';
import { openCapture, rulesOf } from './support.js';

/** The rules that a fault breaks, and those that were found. */
export interface BuiltFault {
  readonly rules: readonly string[];
  readonly found: () => readonly string[];
}

type Property = readonly [string, Uint8Array];
interface Child {
  readonly name: string;
  readonly properties: readonly Property[];
  readonly children: readonly Child[];
}
export const node = (
  name: string,
  properties: readonly Property[],
  children: readonly Child[] = [],
): Child => ({
  name,
  properties,
  children,
});

/** A built handover whose root is written anew. */
export function withRoot(
  make: (built: Built) => Child,
  spec: Partial<Spec> = {},
  preserved = true,
): string[] {
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
export const sound = (built: Built): readonly Property[] => [
  ['preserved-memory-map', native(built.map)],
  ['compatible', text('kho-v4')],
];
export const x = (built: Built, size: number, shift = 0): Child =>
  node('x', [
    ['blob-size', native(size)],
    ['preserved-data', native((built.places.get('blob x') ?? 0) + shift)],
  ]);

const ROOTS: readonly (readonly [string, (built: Built) => Child])[] = [
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
];

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

const BLOBS: readonly (readonly [string, string, Uint8Array])[] = [
  ['kexec-metadata/size', 'kexec-metadata', metadata(70)],
  ['kexec-metadata/size-other', 'kexec-metadata', metadata(80)],
  ['kexec-metadata/count', 'kexec-metadata', metadata(73).fill(0, 69)],
  ['luo/size', 'LUO', new Uint8Array(24)],
  [
    'luo/composite',
    'LUO',
    new Uint8Array([...text('luo-v5;block-v1').subarray(0, 15), ...new Uint8Array(25)]),
  ],
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
  // A folio where the builder puts the first blob, which is the tree itself.
  [
    'kho-test/checksum',
    'kho_test',
    test(0x4b484f21, [
      ['nr_folios', native(1, 4)],
      ['csum', native(1, 4)],
      ['folios_info', native(0x40000)],
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
];

export const spec: Spec = {
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
export const place = (built: Built, name: string): number => {
  const at = built.places.get(name);
  if (at === undefined) throw new Error(`there is no ${name}`);
  return at;
};
const copyPage = (memory: Memory, from: number, to: number): void =>
  memory.bytes(to, (memory.pages.get(from / 4096) ?? new Uint8Array(4096)).slice());
const away = 0x7000000;

const LISTS: readonly (readonly [readonly string[], (built: Built) => void])[] = [
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
  [['kho/block-tail'], (b) => b.memory.u64(place(b, 'sessions') + 4088, 1)],
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
];

function mapPreserved(): readonly string[] {
  const handover = openCapture('v1b');
  const memory = copyOf('v1b');
  const bitmap = addressOf(handover, 'fdt.preserved-memory-map.chunks[0].bitmaps[0].bitmap');
  memory.bit(bitmap, addressOf(handover, 'fdt.preserved-memory-map.chunks[6]') / 4096);
  return rulesOf(open(memory, 'v1b'));
}

function chunkUnaligned(): readonly string[] {
  const handover = openCapture('v1b');
  const memory = copyOf('v1b');
  const [last, before] = [6, 5].map((i) => addressOf(handover, `fdt.preserved-memory-map.chunks[${i}]`));
  memory.u64(before ?? 0, (last ?? 0) + 8);
  return rulesOf(open(memory, 'v1b'));
}

function oddKeys(): readonly string[] {
  const built = build({ kho: 'v4', pageSize: 4096, nodes: [{ name: 'x', bytes: new Uint8Array([1]) }] });
  // A chain of pages to a leaf, under a slot that leads to page frames from 2^42 on, and under slot 0.
  const chain = (from: number, bit: number): number => {
    for (let level = 0; level < 3; level++) built.memory.u64(from + level * 4096, from + (level + 1) * 4096);
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
  return rulesOf(openHandover(built.memory.image(62)));
}

/** The header of a root whose word at an offset is another. */
function header(offset: number, value: number): readonly string[] {
  const { root } = openCapture('v3');
  const memory = copyOf('v3');
  memory.bytes(Number(root.address) + offset, native(value, 4).reverse());
  return rulesOf(open(memory, 'v3', { khoFdt: root.address }));
}

function folioLarge(): readonly string[] {
  const folios = [{ index: 0, order: 11, fill: 'x' }];
  const sessions = [{ name: 's', files: [{ token: 1n, size: 2 ** 23, folios }] }];
  return rulesOf(openHandover(build({ ...spec, flbs: [], sessions }).image));
}

function manyBlocks(): readonly string[] {
  const built = build(spec);
  const first = 0x10000000;
  for (let i = 0; i < 10_002; i++) {
    built.memory.u64(first + i * 4096, first + (i + 1) * 4096);
    built.memory.u64(first + i * 4096 + 8, 1);
    built.memory.bytes(first + i * 4096 + 16, `n${i}`);
  }
  built.memory.u64(place(built, 'blob LUO') + 16, first);
  return rulesOf(openHandover(built.memory.image(62)));
}

/** A file in more pieces of memory than are kept. */
function scattered(): readonly string[] {
  return rulesOf(openHandover(hugeMemfd(MAX_RUNS + 64, 1, 1), { khoFdt: 0x10000n }));
}

/** A page with the root of an older handover, beside the one that counts. */
function twoRoots(): readonly string[] {
  const built = build(spec);
  built.memory.bytes(
    0x4000000,
    fdt(
      node('', [
        ['preserved-memory-map', native(0x5000000)],
        ['compatible', text('kho-v4')],
      ]),
    ),
  );
  return rulesOf(openHandover(built.memory.image(62)));
}

/** The page of a chunk that a dump knows to be zero without storing it. */
function zeroPage(): readonly string[] {
  const built = build(spec);
  const memfd = place(built, 'memfd 1');
  const chunk = Number(read(built.memory, memfd + 32, 8));
  const segments = [...built.memory.pages]
    .sort(([a], [b]) => a - b)
    .map(([index, bytes]) => ({
      address: BigInt(index * 4096),
      bytes: index === chunk / 4096 ? new Uint8Array() : bytes,
      size: 4096n,
    }));
  const parts = [...writeElfCore({ endian: 'little', bits: 64, elfMachine: 62, segments })];
  return rulesOf(openHandover(openImage(bytesSource(new Uint8Array(Buffer.concat(parts))))));
}

function withScratch(...areas: readonly (readonly [bigint, bigint])[]): readonly string[] {
  return rulesOf(openCapture('v3', { scratch: areas.map(([addr, size]) => ({ addr, size })) }));
}

export const BUILT_FAULTS: readonly BuiltFault[] = [
  ...ROOTS.map(([rule, make]): BuiltFault => ({ rules: [rule], found: () => withRoot(make) })),
  {
    rules: ['kho/root-not-preserved'],
    found: () => withRoot((b) => node('', sound(b), [x(b, 1)]), {}, false),
  },
  { rules: ['kho/root-invalid'], found: () => header(20, 1) },
  { rules: ['kho/root-too-large'], found: () => header(4, 0x2000) },
  ...BLOBS.map(
    ([rule, name, bytes]): BuiltFault => ({
      rules: [rule],
      found: () =>
        rulesOf(openHandover(build({ kho: 'v4', pageSize: 4096, nodes: [{ name, bytes }] }).image)),
    }),
  ),
  { rules: ['kho/map-preserved'], found: mapPreserved },
  { rules: ['kho/chunk-unaligned'], found: chunkUnaligned },
  { rules: ['kho/key-address', 'kho/key-order'], found: oddKeys },
  { rules: ['memfd/folio-large'], found: folioLarge },
  { rules: ['kho/block-many'], found: manyBlocks },
  { rules: ['kho/limit'], found: scattered },
  { rules: ['kho/root-others'], found: twoRoots },
  { rules: ['kho/page-zero'], found: zeroPage },
  {
    rules: ['kho/map-ambiguous'],
    found: () =>
      rulesOf(
        openHandover(
          build({ kho: 'v1b', pageSize: 4096, nodes: [{ name: 'x', bytes: fdt(node('', [])) }] }).image,
        ),
      ),
  },
  {
    rules: ['kho/radix-depth'],
    found: () =>
      rulesOf(openHandover(build({ kho: 'v2-first', pageSize: 16384, blocks: [[4096, 0]] }).image)),
  },
  {
    rules: ['luo/flb-node'],
    found: () =>
      rulesOf(openHandover(build({ kho: 'v1b', luo: 'v1-6.19', pageSize: 4096, sessions: [] }).image)),
  },
  {
    rules: ['kho/scratch-overlap'],
    found: () => withScratch([0x10000000n, 0x1000n], [0x10000000n, 0x2000n]),
  },
  { rules: ['kho/scratch-unaligned'], found: () => withScratch([0x10000100n, 0x1000n]) },
  { rules: ['kho/preserved-in-scratch'], found: () => withScratch([0x800000n, 0x400000n]) },
  ...LISTS.map(
    ([rules, patch]): BuiltFault => ({
      rules,
      found: () => {
        const built = build(spec);
        built.memory.touch(away, 8192);
        patch(built);
        return rulesOf(openHandover(built.memory.image(62)));
      },
    }),
  ),
];
