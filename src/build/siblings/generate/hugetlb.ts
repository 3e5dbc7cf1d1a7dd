/** Fixtures of pools of huge pages, and of memfds of them. */
import { HUGETLB } from '../../../formats/hugetlb/index.js';
import type { BuiltDump } from '../../generate/built-dump.js';
import {
  type Boundary,
  type Choices,
  type Fault,
  handoverGenerator,
} from '../../generate/handover-generator.js';
import type { GeneratedMachine } from '../../generate/machines.js';
import { randomAround } from '../../generate/random-spec.js';
import type { Generator } from '../../generate/types.js';
import type { HandoverSpec } from '../../handover/spec.js';
import type { HugeMemfdSpec } from '../huge-memfd.js';
import type { HugetlbSpec } from '../hugetlb.js';
import { FLB_LABEL, FLB_PATH, fileLabel, filePath, flb, session } from './places.js';

const pools = (hugetlb: HugetlbSpec): HandoverSpec => flb({ hugetlb });
const memfd = (huge_memfd: HugeMemfdSpec): HandoverSpec => session([{ huge_memfd }]);
/** 16 GiB */
const largest = ({ pageSize }: GeneratedMachine): number => 34 - Math.log2(pageSize);

const BOUNDARIES: readonly Boundary[] = [
  { name: 'pools-none', covers: 'no pool', spec: () => pools({}) },
  {
    name: 'pools-all',
    covers: 'four pools, with the smallest and the largest huge pages, one empty and one of 2^64 - 1',
    spec: (_, machine) =>
      pools({
        hstates: [
          { order: 1, nr_pages: 1 },
          { order: 4 },
          { order: 9, nr_pages: 512 },
          { order: largest(machine), nr_pages: 2n ** 64n - 1n },
        ],
      }),
  },
  { name: 'memfd-empty', covers: 'a memfd of no huge page', spec: () => memfd({}) },
  {
    name: 'memfd-one',
    covers: 'a memfd of one huge page',
    spec: () => memfd({ folios: [{ contents: 'huge' }] }),
  },
  {
    name: 'memfd-order-1',
    covers: 'a memfd of the smallest huge pages, with holes',
    spec: (_, { pageSize }) =>
      memfd({ order: 1, size: 16 * pageSize, folios: [{ index: 2 }, { index: 8, count: 2 }] }),
  },
  {
    name: 'memfd-index-huge',
    covers: 'a memfd whose index counts huge pages',
    spec: () => memfd({ order: 2, folios: [{ index: 0, step: 1, count: 4 }] }),
  },
];

function randomSpec(_: string, { pageSize }: GeneratedMachine, choices: Choices): HandoverSpec {
  const order = choices.one([1, 2, 3, 5]);
  let next = 0;
  const folios = Array.from({ length: choices.below(5) }, () => {
    const index = next + choices.below(3) * 2 ** order;
    const count = choices.between(1, 3);
    next = index + count * 2 ** order;
    return { index, count, ...(choices.chance(0.5) ? { contents: choices.name(40) } : {}) };
  });
  const size = (next + choices.below(3) * 2 ** order) * pageSize;
  const orders = [1, 3, 9, 13].slice(0, choices.below(5));
  return {
    ...randomAround(choices, true),
    ...session(
      [{ huge_memfd: { order, size, pos: choices.below(pageSize), folios } }],
      [{ hugetlb: { hstates: orders.map((each) => ({ order: each, nr_pages: choices.word() })) } }],
    ),
  };
}

const V1 = ['v1'];
const PAGE = 4096;
const HUGE = 0x40000000;
const POOLS = `${FLB_PATH}.hugetlb`;
const MEMFD = `${filePath(0)}.huge_memfd`;
const FOLIOS = `${MEMFD}.folios`;
const atPools = (dump: BuiltDump): bigint => dump.region(`${FLB_LABEL}.hugetlb`);
const at = (dump: BuiltDump): bigint => dump.region(`${fileLabel(0)}.huge_memfd`);
const array = (dump: BuiltDump): bigint => dump.region(`${fileLabel(0)}.huge_memfd.folios`);
const two = (): HandoverSpec => memfd({ order: 1, folios: [{ count: 2, at: HUGE }] });

const FAULTS: readonly Fault[] = [
  {
    rule: 'hugetlb/hstates',
    on: V1,
    spec: () => pools({ hstates: [1, 2, 3, 4].map((order) => ({ order })) }),
    path: `${POOLS}.nr_hstates`,
    edit: (dump) => dump.bytes(atPools(dump) + 36n, Uint8Array.of(5)),
  },
  {
    rule: 'hugetlb/order',
    on: V1,
    spec: () => pools({ hstates: [{ order: 9 }] }),
    path: `${POOLS}.hstates[0].order`,
    edit: (dump) => dump.bytes(atPools(dump) + 8n, Uint8Array.of(0)),
  },
  {
    rule: 'hugetlb/unused',
    on: V1,
    spec: () => pools({ hstates: [{ order: 9 }] }),
    path: `${POOLS}.hstates[1]`,
    edit: (dump) => dump.bytes(atPools(dump) + 9n, Uint8Array.of(1)),
  },
  {
    rule: 'hugetlb/size',
    on: V1,
    spec: two,
    path: `${MEMFD}.size`,
    edit: (dump) => dump.u64(at(dump), 4 * PAGE + 1),
  },
  {
    rule: 'hugetlb/folio-count',
    on: V1,
    spec: two,
    path: `${MEMFD}.nr_folios`,
    edit: (dump) => dump.u64(at(dump) + 16n, 3),
  },
  {
    rule: 'hugetlb/array',
    on: V1,
    spec: () => memfd({ order: 1, size: 1024 * PAGE, folios: [{}] }),
    path: FOLIOS,
    edit: (dump) => dump.u64(at(dump) + 16n, 257),
  },
  {
    rule: 'hugetlb/folio-unpreserved',
    on: V1,
    spec: two,
    path: FOLIOS,
    edit: (dump) => dump.preserve(BigInt(HUGE), 1, false),
  },
  {
    rule: 'hugetlb/folio-twice',
    on: V1,
    spec: two,
    path: FOLIOS,
    edit: (dump) => dump.u64(array(dump) + 24n, 0),
  },
  {
    rule: 'hugetlb/reserved',
    on: V1,
    spec: two,
    path: FOLIOS,
    edit: (dump) => dump.u64(array(dump), dump.word(array(dump)) | (1n << 52n)),
  },
];

export const hugetlbGenerator: Generator = handoverGenerator({
  format: 'hugetlb',
  generations: [{ name: 'v1', title: 'four sizes; folios of one order' }],
  rules: Object.values(HUGETLB),
  base: () => ({}),
  boundaries: BOUNDARIES,
  random: randomSpec,
  faults: FAULTS,
  unbroken: {},
});
