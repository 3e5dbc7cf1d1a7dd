/**
 * The images that the second judge reads (scripts/judge): with stable names and, where they are built, the same
 * bytes each time. Whoever adds a case runs `node scripts/judge/judge.js` again.
 */
import { type Built, build, fdt, native, type SessionSpec, type Spec, text } from '../formats/kho/builder.js';
import { unzipped } from '../memory/fixtures.js';
import { builtCases } from './judge-built.js';
import { builtIommuCases } from './judge-built-iommu.js';
import { elfOf } from './judge-elf.js';
import { iommuCases } from './judge-iommu.js';

export interface JudgeCase {
  /** The part before the first slash names the file of the golden. */
  readonly name: string;
  /** What the judge is told: `kho-v1b luo-v1-6.19 memfd-v1`, or `iommu-B`. */
  readonly generation: string;
  readonly pageSize: number;
  /** Physical address of the root; of an IOMMU's, which cannot be searched for. */
  readonly root?: bigint;
  /** An ELF64 core, little-endian. */
  readonly elf: () => Uint8Array;
  /** Of an image with a fault: the rule that the decoder has for it. */
  readonly rule?: string;
  /** What was put in, as the judge must print it; of an image that was written by offsets. */
  readonly lines?: readonly Readonly<Record<string, string | number>>[];
}

export function* judgeCases(): Generator<JudgeCase> {
  yield* captures();
  yield* built();
  yield* broken();
  yield* iommuCases();
  yield* builtCases();
  yield* builtIommuCases();
}

function* captures(): Generator<JudgeCase> {
  const all: readonly (readonly [file: string, generation: string, pageSize?: number])[] = [
    ['kho-v4-luo-v5-x86_64', 'kho-v4 luo-v5 memfd-v2'],
    ['kho-v4-luo-v5-arm64-64k', 'kho-v4 luo-v5 memfd-v2', 65536],
    ['kho-older/kho-v1a-512B-bitmaps-meta', 'kho-v1a'],
    ['kho-older/kho-v1a-refinalized-broken-meta', 'kho-v1a'],
    ['kho-older/kho-v1b-luo-v1-noflb-memfd-v1-meta', 'kho-v1b luo-v1-6.19 memfd-v1'],
    ['kho-older/kho-v3-luo-v1-flb-memfd-v2-meta', 'kho-v3 luo-v1 memfd-v2'],
  ];
  for (const [file, generation, pageSize = 4096] of all)
    yield {
      name: `captures/${file.replace('kho-older/', '')}`,
      generation,
      pageSize,
      elf: () => unzipped(`kho/${file}.elf`),
    };
}

type Combination = Pick<Spec, 'kho' | 'luo' | 'memfd'>;
const COMBINATIONS: readonly Combination[] = [
  { kho: 'v1a' },
  { kho: 'v1b' },
  { kho: 'v1b', luo: 'v1-6.19', memfd: 1 },
  { kho: 'v1b', luo: 'v1', memfd: 1 },
  { kho: 'v2' },
  { kho: 'v2-first' },
  { kho: 'v2', luo: 'v1', memfd: 2 },
  { kho: 'v3', luo: 'v1', memfd: 2 },
  { kho: 'v3', luo: 'v2', memfd: 2 },
  { kho: 'v3', luo: 'v3', memfd: 2 },
  { kho: 'v4', luo: 'v4', memfd: 2 },
  { kho: 'v4', luo: 'v5', memfd: 2 },
];
const PAGE_SIZES = [4096, 16384, 65536] as const;

function generationOf({ kho, luo, memfd }: Combination): string {
  return [`kho-${kho}`, luo && `luo-${luo}`, luo && `memfd-v${memfd ?? 2}`].filter(Boolean).join(' ');
}

/** Page frames far from all that the builder allocates. */
const REGION = 1 << 20;

function nodesOf({ kho }: Combination, pageSize: number): NonNullable<Spec['nodes']> {
  const region = (name: string, pfn: number, pages: number) => ({
    name,
    properties: [
      ['compatible', text('reserve-mem-v1')] as const,
      ['start', native(pfn * pageSize)] as const,
      ['size', native(pages * pageSize)] as const,
    ],
    children: [],
  });
  const memblock = fdt({
    name: '',
    properties: [['compatible', text('memblock-v1')]],
    children: [region('tracebuf', REGION, 16), region('pstore', REGION + 16, 2)],
  });
  const metadata = new Uint8Array(73);
  metadata.set(native(1, 4), 0);
  metadata.set(text('7.2.0-built'), 4);
  metadata.set(native(3, 4), 69);
  const sized = kho === 'v3' || kho === 'v4';
  return [
    { name: 'memblock', bytes: memblock },
    ...(sized
      ? [
          { name: 'kexec-metadata', bytes: metadata },
          { name: 'somebody', bytes: text('who knows') },
        ]
      : [{ name: 'somebody', bytes: fdt({ name: '', properties: [['what', text('x')]], children: [] }) }]),
  ];
}

/** As many sessions as fill two blocks and begin a third, and files of every kind. */
function sessionsOf({ luo }: Combination, pageSize: number): readonly SessionSpec[] {
  const first: SessionSpec = {
    name: 'one',
    files: [
      {
        token: 0x1001n,
        size: 9 * pageSize - 100,
        pos: 7,
        seals: 6,
        folios: [
          { index: 0, order: 0, flags: 1, fill: 'first' },
          { index: 1, order: 0, flags: 2, fill: 'second' },
          { index: 4, order: 2, fill: 'a folio of four pages' },
          { index: 8, order: 0, fill: '' },
        ],
      },
      { token: 0n, size: 0, folios: [] },
      {
        token: 0xffffffffffffffffn,
        size: 2048 * pageSize,
        pos: 2 ** 40,
        seals: 0x3f,
        folios: Array.from({ length: 4 }, (_, i) => ({ index: i * 512, order: 9, fill: '' })),
      },
    ],
  };
  const perBlock = Math.floor((pageSize - 16) / 64);
  const most = luo === 'v5' ? perBlock * 2 + 1 : (2 * pageSize) / 64;
  // Of files without content, as many as one set can have: with larger pages a few are enough.
  const many: SessionSpec = {
    name: 'x'.repeat(63),
    files: Array.from({ length: pageSize === 4096 ? most : 3 }, (_, i) => ({
      token: BigInt(i),
      size: 0,
      folios: [],
    })),
  };
  const sessions = Math.floor((pageSize - 16) / 80);
  const rest = luo === 'v4' || luo === 'v5' ? 2 * sessions - 1 : 64;
  return [
    first,
    many,
    ...Array.from(
      { length: pageSize === 4096 ? rest : 64 },
      (_, i): SessionSpec => ({
        name: `more-${i}`,
        files: [],
      }),
    ),
  ];
}

function* built(): Generator<JudgeCase> {
  for (const pageSize of PAGE_SIZES)
    for (const combination of COMBINATIONS) {
      const generation = generationOf(combination);
      const size = `${pageSize / 1024}K`;
      const common: Spec = {
        ...combination,
        pageSize,
        nodes: nodesOf(combination, pageSize),
        blocks: [
          [REGION, 4],
          [REGION + 16, 1],
          // One of each order, far apart, and three in a row.
          ...Array.from({ length: 11 }, (_, order): [number, number] => [2 * REGION + order * 4096, order]),
          ...Array.from({ length: 3 }, (_, i): [number, number] => [3 * REGION + i * 8, 3]),
        ],
      };
      yield {
        name: `builder/${generation.replaceAll(' ', '+')}/${size}`,
        generation,
        pageSize,
        elf: () => {
          const sessions = sessionsOf(combination, pageSize);
          const { memory } = build({
            ...common,
            liveupdate: 3,
            ...(combination.luo === undefined
              ? {}
              : { sessions, flbs: [{ name: 'an-flb', data: 0xfeedn, count: 3 }] }),
          });
          return elfOf(memory, pageSize);
        },
      };
    }
  // 511 pages of 256 folios each fill a chunk of the list of pages to its end.
  yield {
    name: 'builder/full-vmalloc-chunk/4K',
    generation: 'kho-v4 luo-v5 memfd-v2',
    pageSize: 4096,
    elf: () => {
      const folios = Array.from({ length: 511 * 256 }, (_, index) => ({ index, order: 0, fill: '' }));
      const files = [{ token: 1n, size: folios.length * 4096, folios }];
      const spec: Spec = {
        kho: 'v4',
        luo: 'v5',
        memfd: 2,
        pageSize: 4096,
        sessions: [{ name: 's', files }],
      };
      return elfOf(build(spec).memory, 4096);
    },
  };
}

/** The rule that the decoder has for it, and what breaks exactly that. */
type Fault = readonly [rule: string, put: (built: Built, at: (place: string) => number) => void];

const NEW: Readonly<Record<string, Fault>> = {
  'map-points-nowhere': ['kho/memory-absent', ({ memory, map }) => memory.u64(map + 8 * 2, 0x7ffff000)],
  'map-shares-a-node': [
    'kho/node-shared',
    ({ memory, map }) => {
      const node = memory.pages.get(map / 4096);
      memory.u64(map + 8, new DataView((node ?? new Uint8Array(24)).buffer).getBigUint64(16, true));
    },
  ],
  'session-block-count-0': ['kho/block-count', ({ memory }, at) => memory.u64(at('sessions') + 8, 0)],
  'session-block-too-full': ['kho/block-count', ({ memory }, at) => memory.u64(at('sessions') + 8, 52)],
  'session-block-circle': [
    'kho/block-cycle',
    ({ memory }, at) => {
      memory.u64(at('sessions'), at('sessions'));
      memory.u64(at('sessions') + 8, 51);
    },
  ],
  'session-block-not-preserved': [
    'kho/block-not-preserved',
    ({ memory }, at) => {
      memory.u64(at('blob LUO') + 16, 0x600000);
      memory.u64(0x600008, 1);
      memory.bytes(0x600010, 'one');
    },
  ],
  'session-name-endless': [
    'luo/session-name',
    ({ memory }, at) => memory.bytes(at('sessions') + 16, 'n'.repeat(64)),
  ],
  'session-name-twice': [
    'luo/session-duplicate',
    ({ memory }, at) => memory.bytes(at('sessions') + 16, 'two\0'),
  ],
  'session-count-off': ['luo/file-sum', ({ memory }, at) => memory.u64(at('sessions') + 16 + 72, 1)],
  'file-compatible-endless': [
    'luo/handler-name',
    ({ memory }, at) => memory.bytes(at('files one') + 16, 'c'.repeat(48)),
  ],
  'file-token-twice': [
    'luo/token-duplicate',
    ({ memory }, at) => memory.u64(at('files one') + 16 + 64 + 56, 0x1001),
  ],
  'memfd-of-7.0': [
    'luo/handler-generation',
    ({ memory }, at) => memory.bytes(at('files one') + 16, 'memfd-v1'),
  ],
  'memfd-seals': ['memfd/seals', ({ memory }, at) => memory.u32(at('memfd 4097') + 16, 0x40)],
  'memfd-flags': ['memfd/flags', ({ memory }, at) => memory.u32(at('memfd 4097') + 20, 1)],
  'memfd-too-many-folios': ['memfd/folio-count', ({ memory }, at) => memory.u64(at('memfd 4097') + 24, 200)],
  'memfd-array-flags': ['kho/vmalloc-flags', ({ memory }, at) => memory.u16(at('memfd 4097') + 32 + 12, 4)],
  'memfd-array-too-short': [
    'kho/vmalloc-total',
    ({ memory }, at) => memory.u32(at('memfd 4097') + 32 + 8, 2),
  ],
  'folio-not-preserved': [
    'memfd/folio-unpreserved',
    ({ memory }, at) => memory.u64(at('array 4097'), (3n << 52n) | 0x500n),
  ],
  'folio-inside-a-block': [
    'memfd/folio-unpreserved',
    ({ memory }, at) => {
      const entry = at('array 4097') + 2 * 16;
      const page = memory.pages.get(Math.floor(entry / 4096)) ?? new Uint8Array(4096);
      memory.u64(entry, new DataView(page.buffer).getBigUint64(entry % 4096, true) + 1n);
    },
  ],
  'folio-flags': ['memfd/folio-flags', ({ memory }, at) => memory.word(at('array 4097') + 6, 0x00f0, 2)],
  'folio-index-misaligned': [
    'memfd/folio-index',
    ({ memory }, at) => memory.u64(at('array 4097') + 2 * 16 + 8, 5),
  ],
  'folio-beyond-the-file': ['memfd/folio-beyond', ({ memory }, at) => memory.u64(at('array 4097') + 8, 100)],
  'folio-index-twice': ['memfd/folio-twice', ({ memory }, at) => memory.u64(at('array 4097') + 8, 1)],
  'flb-pages': ['luo/flb-pages', ({ memory }, at) => memory.u64(at('FLBs'), 2)],
  'flb-too-many': ['luo/flb-count', ({ memory }, at) => memory.u64(at('FLBs') + 8, 64)],
  'flb-name-endless': ['luo/flb-name', ({ memory }, at) => memory.bytes(at('FLBs') + 16, 'f'.repeat(48))],
  'luo-other-version': ['luo/compatible', ({ memory }, at) => memory.bytes(at('blob LUO'), 'luo-v6')],
  'metadata-version': [
    'kexec-metadata/version',
    ({ memory }, at) => memory.u32(at('blob kexec-metadata'), 2),
  ],
  'metadata-release-endless': [
    'kexec-metadata/release',
    ({ memory }, at) => memory.bytes(at('blob kexec-metadata') + 4, 'r'.repeat(65)),
  ],
  'metadata-count': [
    'kexec-metadata/count',
    ({ memory }, at) => memory.u32(at('blob kexec-metadata') + 69, 0),
  ],
};
const OLD: Readonly<Record<string, Fault>> = {
  'chunk-too-full': ['kho/chunk-count', ({ memory, map }) => memory.u32(map + 12, 256)],
  'chunk-circle': ['kho/chunk-cycle', ({ memory, map }) => memory.u64(map, map)],
  'chunk-bitmap-misaligned': ['kho/bitmap-unaligned', ({ memory, map }) => memory.u64(map + 24, 0x600010)],
  'chunk-start-misaligned': ['kho/bitmap-start', ({ memory, map }) => memory.u64(map + 16, 0x1000)],
  'too-many-sessions': ['luo/session-count', ({ memory }, at) => memory.u64(at('sessions'), 820)],
  'too-many-files': ['luo/file-count', ({ memory }, at) => memory.u64(at('sessions') + 8 + 72, 129)],
  'no-files': ['luo/file-set', ({ memory }, at) => memory.u64(at('sessions') + 8 + 64, 0)],
  'no-handler': ['luo/handler-generation', ({ memory }, at) => memory.bytes(at('files one'), 'memfd-v2')],
};

function* broken(): Generator<JudgeCase> {
  const all: readonly (readonly [Combination, Readonly<Record<string, Fault>>])[] = [
    [{ kho: 'v4', luo: 'v5', memfd: 2 }, NEW],
    [{ kho: 'v1b', luo: 'v1', memfd: 1 }, OLD],
  ];
  for (const [combination, faults] of all)
    for (const [name, [rule, put]] of Object.entries(faults)) {
      const generation = generationOf(combination);
      yield {
        name: `broken/${name}`,
        generation,
        pageSize: 4096,
        rule,
        elf: () => {
          const [one] = sessionsOf(combination, 4096);
          const built = build({
            ...combination,
            pageSize: 4096,
            nodes: nodesOf(combination, 4096),
            blocks: [
              [REGION, 4],
              [REGION + 16, 1],
            ],
            sessions: [
              ...(one ? [{ ...one, files: one.files.slice(0, 2) }] : []),
              { name: 'two', files: [] },
            ],
            flbs: [{ name: 'an-flb', data: 0xfeedn, count: 2 }],
          });
          put(built, (place) => {
            const address = built.places.get(place);
            if (address === undefined) throw new Error(`nothing is at ${place}`);
            return address;
          });
          return elfOf(built.memory, 4096);
        },
      };
    }
}
