/** Fixtures of the root, the map of preserved memory, and scratch. */
import { DEBUGFS, KHO, KHO_GENERATIONS, RECEIVER } from '../../formats/kho/index.js';
import type { HandoverSpec, ReserveMemSpec } from '../handover/spec.js';
import { KHO_BUILDS } from '../handover/spec.js';
import { type Boundary, type Choices, handoverGenerator } from './handover-generator.js';
import { KHO_FAULTS } from './kho-faults.js';
import { type GeneratedMachine, MACHINES } from './machines.js';
import {
  randomAround,
  randomContents,
  randomFlbs,
  randomKhoTest,
  randomMemblock,
  randomSessions,
} from './random-spec.js';
import type { Generator } from './types.js';

const isBitmaps = (generation: string): boolean => generation.startsWith('v1');
const isSized = (generation: string): boolean => generation === 'v3' || generation === 'v4';

/**
 * Enough blocks of different orders that the size of the bitmaps of kho-v1 can be told: those of 6.17 share a
 * page, and of those of 6.18 there are four.
 */
export function tellingRegion(generation: string, pageSize: number): HandoverSpec {
  return generation === 'v1a' ? { memblock: { telling: { size: 3 * pageSize } } } : {};
}

/** Memory that one bitmap or leaf covers with blocks of order 0, in bytes. */
function coverOf(generation: string, pageSize: number): number {
  return (generation === 'v1a' ? 4096 : pageSize * 8) * pageSize;
}

function orders(first: number, last: number, pageSize: number): Record<string, ReserveMemSpec> {
  const regions: Record<string, ReserveMemSpec> = {};
  for (let order = first; order <= last; order++) {
    const size = pageSize * 2 ** order;
    // From 1 TiB on there is room for each of them at a multiple of its size.
    regions[`order-${order}`] = { size, at: 2 ** 40 + size };
  }
  return regions;
}

/** The largest order that every kernel of the generation takes. */
function largestOrder(generation: string, pageSize: number): number {
  return isBitmaps(generation) ? 30 - Math.log2(pageSize) : 39 - Math.log2(pageSize);
}

/** Folios of the kernel's test, one under each bitmap, so that there are `count` bitmaps of order 0. */
function bitmapsOf(count: number, generation: string, pageSize: number): HandoverSpec {
  const cover = coverOf(generation, pageSize);
  return {
    // What else there is lies under the bitmap before.
    memory: { base: cover },
    kho_test: {
      folios: Array.from({ length: count - 1 }, (_, i) => ({
        at: (i + 2) * cover,
        contents: [{ fill: 'zeros', size: pageSize }],
      })),
    },
  };
}

const BOUNDARIES: readonly Boundary[] = [
  {
    name: 'empty',
    covers: 'nothing is preserved but what every kernel of the generation preserves itself',
    spec: (generation, { pageSize }) => ({ ...tellingRegion(generation, pageSize), sessions: [] }),
  },
  {
    name: 'one-region',
    covers: 'one region of one page',
    on: (generation) => generation !== 'v1a',
    spec: (_, { pageSize }) => ({ memblock: { one: { size: pageSize } } }),
  },
  {
    name: 'node-name-longest',
    covers: 'a node whose name has 31 characters, the most that device trees should have',
    on: (generation) => !isBitmaps(generation),
    spec: () => ({ blobs: { ['n'.repeat(31)]: { contents: 'x' } } }),
  },
  {
    name: 'blob-1',
    covers: 'a blob of one byte',
    on: isSized,
    spec: () => ({ blobs: { blob: { contents: 'x' } } }),
  },
  {
    name: 'blob-page-full',
    covers: 'a blob of exactly a page',
    on: isSized,
    spec: (_, { pageSize }) => ({ blobs: { blob: { contents: [{ fill: 'a5', size: pageSize }] } } }),
  },
  {
    name: 'blob-page-and-one',
    covers: 'a blob of one byte more than a page, which takes a block of order 1',
    on: isSized,
    spec: (_, { pageSize }) => ({ blobs: { blob: { contents: [{ fill: 'a5', size: pageSize + 1 }] } } }),
  },
  {
    name: 'orders-0-to-7',
    covers: 'blocks of orders 0 to 7',
    // Off the start of a larger page, under which a map of other pages would happen to have the root.
    spec: (_, { pageSize }) => ({ memory: { base: 0x1002000 }, memblock: orders(0, 7, pageSize) }),
  },
  {
    name: 'orders-8-to-10',
    covers: 'blocks of orders 8 to 10, the largest that the allocator gives',
    spec: (generation, { pageSize }) => ({
      memblock: { ...tellingRegion(generation, pageSize).memblock, ...orders(8, 10, pageSize) },
    }),
  },
  {
    name: 'order-largest',
    covers: 'a block of 1 GiB with bitmaps, whose kernels count its bytes in an int, or of 512 GiB in a tree',
    spec: (generation, { pageSize }) => ({
      memblock: {
        ...tellingRegion(generation, pageSize).memblock,
        ...orders(largestOrder(generation, pageSize), largestOrder(generation, pageSize), pageSize),
      },
    }),
  },
  {
    name: 'leaf-edge',
    covers: 'the last bit of one bitmap or leaf and the first of the next',
    spec: (generation, { pageSize }) => ({
      memory: { base: 3 * coverOf(generation, pageSize) },
      memblock: {
        ...tellingRegion(generation, pageSize).memblock,
        edge: { at: 2 * coverOf(generation, pageSize) - pageSize, size: 2 * pageSize },
      },
    }),
  },
  {
    name: 'last-address',
    covers: 'the last page below 2^52, and the block of order 1 before the one before',
    spec: (generation, { pageSize }) => ({
      memblock: {
        ...tellingRegion(generation, pageSize).memblock,
        last: { at: 2n ** 52n - BigInt(pageSize), size: pageSize },
        pair: { at: 2n ** 52n - BigInt(4 * pageSize), size: 2 * pageSize },
      },
    }),
  },
  {
    name: 'first-address',
    covers: 'the page at address 0, whose key is the mark of its order alone',
    spec: (generation, { pageSize }) => ({
      memblock: { ...tellingRegion(generation, pageSize).memblock, first: { at: 0, size: pageSize } },
    }),
  },
  {
    name: 'above-4-gib',
    covers: 'everything lies above 2^32, with gaps between its parts',
    spec: (generation, { pageSize }) => ({
      memory: { base: 2 ** 32, seed: 7 },
      ...tellingRegion(generation, pageSize),
    }),
  },
  {
    name: 'chunk-full',
    covers: 'as many bitmaps of order 0 as a chunk has room for: 255 with pages of 4 KiB',
    on: (generation, { pageSize }) => isBitmaps(generation) && pageSize === 4096,
    spec: (generation, { pageSize }) => bitmapsOf((pageSize - 16) / 16, generation, pageSize),
  },
  {
    name: 'chunk-and-one',
    covers: 'one bitmap of order 0 more than a chunk has room for',
    on: (generation, { pageSize }) => isBitmaps(generation) && pageSize === 4096,
    spec: (generation, { pageSize }) => bitmapsOf((pageSize - 16) / 16 + 1, generation, pageSize),
  },
  {
    name: 'scratch-1',
    covers: 'one scratch area',
    spec: (generation, { pageSize }) => ({
      ...tellingRegion(generation, pageSize),
      scratch: [{ addr: 0x40000000, size: 0x400000 }],
    }),
  },
  {
    name: 'scratch-size-0',
    covers: 'a scratch area of size 0 at the address of the one before',
    spec: (generation, { pageSize }) => ({
      ...tellingRegion(generation, pageSize),
      scratch: [
        { addr: 0x40000000, size: 0x400000 },
        { addr: 0x40000000, size: 0 },
      ],
    }),
  },
  {
    name: 'scratch-page-full',
    covers: 'as many scratch areas as a page lists, 256 with pages of 4 KiB',
    on: (generation, { pageSize }) => pageSize === 4096 && generation !== 'v1a',
    spec: (_, { pageSize }) => ({
      scratch: Array.from({ length: pageSize / 16 }, (_, i) => ({
        addr: 0x40000000 + i * 0x800000,
        size: 0x400000,
      })),
    }),
  },
  ...(
    [
      ['6.16', 'v1a'],
      ['6.17', 'v1a'],
      ['6.18', 'v1b'],
      ['6.19', 'v1b'],
      ['7.0', 'v1b'],
      ['7.1', 'v3'],
      ['7.2', 'v4'],
      ['7.3', 'v4'],
    ] as const
  ).map(
    ([release, generation]): Boundary => ({
      name: `linux-${release}`,
      covers: `what Linux ${release} writes`,
      on: (name) => name === generation,
      // 31 pages are blocks of five orders: without a LUO that many tell 6.18 from 6.17.
      spec: (_, { pageSize }) => ({ kernel: release, memblock: { region: { size: 31 * pageSize } } }),
    }),
  ),
  {
    name: 'everything',
    covers: 'all nodes that kernels know, one that they do not, sessions, FLBs and scratch',
    spec: (generation) => everything(generation),
  },
];

function everything(generation: string): HandoverSpec {
  const isOld = generation === 'v1a';
  return {
    scratch: [{ addr: 0x40000000, size: 0x400000 }],
    memblock: { pstore: { size: 0x30000, contents: 'Oops: 0000' }, trace: { size: 0x10000 } },
    kho_test: { folios: [{}, { order: 1 }, { order: 2 }], seed: 1 },
    ...(isOld
      ? {}
      : {
          liveupdate_num: 3,
          sessions: [
            {
              name: 'vm-alpha',
              files: [
                { token: 1, memfd: { contents: 'hello' } },
                { token: 2, memfd: { contents: [{ fill: 'offsets', size: 0x40000 }], folio_order: 2 } },
              ],
            },
            { name: 'vm-beta' },
          ],
          flbs: [{ name: 'x-flb', data: 0x1234 }],
        }),
    ...(isSized(generation)
      ? { metadata: { kexec_count: 3 }, blobs: { mystery: { contents: [{ hex: 'deadbeef' }] } } }
      : {}),
  };
}

function randomSpec(generation: string, machine: GeneratedMachine, choices: Choices): HandoverSpec {
  const hasSessions = generation !== 'v1a';
  const sessions = hasSessions ? randomSessions(choices, machine, isBitmaps(generation) ? 1 : 2) : [];
  const flbs = hasSessions ? randomFlbs(choices, sessions) : [];
  const memblock = { ...tellingRegion(generation, machine.pageSize).memblock };
  const regions = choices.chance(0.5) ? randomMemblock(choices, machine) : {};
  const all = { ...memblock, ...regions };
  return {
    ...randomAround(choices, !isBitmaps(generation)),
    ...(Object.keys(all).length === 0 ? {} : { memblock: all }),
    ...(sessions.length === 0 ? {} : { sessions }),
    ...(flbs.length === 0 ? {} : { flbs }),
    ...(choices.chance(0.3) ? { kho_test: randomKhoTest(choices) } : {}),
    ...(isSized(generation) && choices.chance(0.4)
      ? { blobs: { [`x${choices.name(20)}`]: { contents: randomContents(choices, 2 * machine.pageSize) } } }
      : {}),
  };
}

const TITLES = new Map<string, string>(KHO_GENERATIONS.map(({ name, title }) => [name, title]));

/** Rules of other inputs than images, and those that take too much. */
const UNBROKEN: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    Object.values(DEBUGFS).map(({ name }) => [
      name,
      'it is about directories of debugfs, and what is generated is memory: build --container debugfs makes one',
    ]),
  ),
  ...Object.fromEntries(
    Object.values(RECEIVER).map(({ name }) => [
      name,
      'it is about a receiver: check --receiver tells it of sound instances of other generations',
    ]),
  ),
  'kho/block-many':
    'it takes more than 10000 blocks that are full, each with entries that are sound: 510,000 sessions in 40 MiB',
};

export const khoGenerator: Generator = handoverGenerator({
  format: 'kho',
  generations: KHO_BUILDS.map((name) => ({
    name,
    title: TITLES.get(name) ?? 'v2 as first committed: with pages of 16 KiB the tree is a level short',
  })),
  rules: [...Object.values(KHO), ...Object.values(DEBUGFS), ...Object.values(RECEIVER)],
  base: (generation) => ({
    kho: KHO_BUILDS.find((name) => name === generation) ?? 'v4',
    // From luo-v2 on there is a note where no session is.
    ...(generation === 'v4' ? { sessions: [{ name: 'session' }] } : {}),
  }),
  boundaries: BOUNDARIES,
  random: randomSpec,
  // As first committed, the tree of pages of 16 KiB is broken.
  machines: (generation) =>
    generation === 'v2-first' ? MACHINES.filter(({ pageSize }) => pageSize !== 16384) : MACHINES,
  faults: KHO_FAULTS,
  unbroken: UNBROKEN,
});
