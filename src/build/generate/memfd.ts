/** Fixtures of preserved memfds. */
import { MEMFD } from '../../formats/memfd/index.js';
import type { FileSpec, FolioSpec, HandoverSpec, MemfdSpec } from '../handover/spec.js';
import { type Boundary, type Choices, handoverGenerator } from './handover-generator.js';
import type { GeneratedMachine } from './machines.js';
import { MEMFD_FAULTS, memfdBase } from './memfd-faults.js';
import { randomAround, randomMemfd } from './random-spec.js';
import type { Generator } from './types.js';

const one = (memfd: MemfdSpec): HandoverSpec => ({
  sessions: [{ name: 'session', files: [{ token: 1, memfd }] }],
});
const several = (memfds: readonly MemfdSpec[]): HandoverSpec => ({
  sessions: [{ name: 'session', files: memfds.map((memfd, token): FileSpec => ({ token, memfd })) }],
});
/** Folios of order 0 that nobody wrote into, one behind the other. */
const run = (count: number, pageSize: number): HandoverSpec =>
  one({ size: count * pageSize, folios: [{ count }] });

/** MAX_PAGE_ORDER as kernels are configured by default. */
const largestOrder = ({ pageSize }: GeneratedMachine): number =>
  pageSize === 65536 ? 13 : pageSize === 16384 ? 11 : 10;
const isSmall = (_: string, { pageSize }: GeneratedMachine): boolean => pageSize === 4096;

const BOUNDARIES: readonly Boundary[] = [
  { name: 'empty', covers: 'a memfd of no bytes', spec: () => one({}) },
  { name: 'size-1', covers: 'a memfd of one byte', spec: () => one({ contents: 'x' }) },
  {
    name: 'size-page',
    covers: 'a memfd of exactly a page',
    spec: (_, { pageSize }) => one({ contents: [{ fill: 'offsets', size: pageSize }] }),
  },
  {
    name: 'size-page-and-one',
    covers: 'a memfd of one byte more than a page',
    spec: (_, { pageSize }) => one({ contents: [{ fill: 'offsets', size: pageSize + 1 }] }),
  },
  {
    name: 'size-largest',
    covers: 'a memfd of 2^63 - 1 bytes, of which all but the first page is a hole',
    spec: () => one({ size: 2n ** 63n - 1n, folios: [{}] }),
  },
  {
    name: 'pos-extremes',
    covers: 'positions 0, 1 and 2^63 - 1',
    spec: () => several([0n, 1n, 2n ** 63n - 1n].map((pos) => ({ pos }))),
  },
  {
    name: 'folios-page-full',
    covers: 'an array of exactly a page: 256 folios in 4 KiB',
    spec: (_, { pageSize }) => run(pageSize / 16, pageSize),
  },
  {
    name: 'folios-page-and-one',
    covers: 'an array of one folio more than fits into a page',
    spec: (_, { pageSize }) => run(pageSize / 16 + 1, pageSize),
  },
  {
    name: 'array-chunk-full',
    covers: 'an array of 511 pages, which fill a chunk: an empty one follows',
    on: isSmall,
    spec: (_, { pageSize }) => run((pageSize / 8 - 1) * (pageSize / 16), pageSize),
  },
  {
    name: 'array-chunk-and-one',
    covers: 'an array of 512 pages, one more than a chunk has room for',
    on: isSmall,
    spec: (_, { pageSize }) => run((pageSize / 8) * (pageSize / 16), pageSize),
  },
  {
    name: 'orders',
    covers: 'folios of all orders from the largest that the allocator gives down to 0',
    spec: (_, machine) => {
      const largest = largestOrder(machine);
      const folios = Array.from({ length: largest + 1 }, (_, i): FolioSpec => ({ order: largest - i }));
      return one({ size: (2 ** (largest + 1) - 1) * machine.pageSize, folios });
    },
  },
  {
    name: 'hole-first',
    covers: 'a hole before the only folio',
    spec: (_, { pageSize }) => one({ size: 2 * pageSize, folios: [{ index: 1 }] }),
  },
  {
    name: 'hole-last',
    covers: 'a hole behind the only folio',
    spec: (_, { pageSize }) => one({ size: 2 * pageSize, folios: [{ index: 0 }] }),
  },
  {
    name: 'index-largest',
    covers: 'a folio at the last page of a memfd of 2^52 bytes',
    spec: (_, { pageSize }) => one({ size: 2 ** 52, folios: [{ index: 2 ** 52 / pageSize - 1 }] }),
  },
  {
    name: 'descending',
    covers: 'folios whose addresses descend while the file goes on',
    spec: (_, { pageSize }) =>
      one({
        size: 4 * pageSize,
        folios: [3, 2, 1, 0].map((place) => ({ at: 0x40000000 + place * pageSize })),
      }),
  },
  {
    name: 'flags',
    covers: 'folios with each combination of DIRTY and UPTODATE',
    spec: (_, { pageSize }) =>
      one({ size: 4 * pageSize, folios: [0, 1, 2, 3].map((flags): FolioSpec => ({ flags })) }),
  },
  {
    name: 'seals',
    covers: 'no seal, each of the six, and all of them',
    on: (generation) => generation === 'v2',
    spec: () => several([0, 1, 2, 4, 8, 16, 32, 63].map((seals) => ({ seals, contents: 'sealed' }))),
  },
  {
    name: 'address-largest',
    covers: 'a folio at the last page below 2^52',
    spec: (_, { pageSize }) => one({ size: pageSize, folios: [{ at: 2n ** 52n - BigInt(pageSize) }] }),
  },
];

function randomSpec(generation: string, machine: GeneratedMachine, choices: Choices): HandoverSpec {
  const version = generation === 'v1' ? 1 : 2;
  return {
    ...randomAround(choices, version === 2),
    ...several(Array.from({ length: choices.between(1, 4) }, () => randomMemfd(choices, machine, version))),
  };
}

export const memfdGenerator: Generator = handoverGenerator({
  format: 'memfd',
  generations: [
    { name: 'v1', title: 'position, size, folios' },
    { name: 'v2', title: 'seals and flags as well' },
  ],
  rules: Object.values(MEMFD),
  base: memfdBase,
  boundaries: BOUNDARIES,
  random: randomSpec,
  faults: MEMFD_FAULTS,
  unbroken: {},
});
