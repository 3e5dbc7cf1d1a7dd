/** Fixtures of the regions of `reserve_mem=`. */
import type { FDTNode } from '../../formats/fdt/index.js';
import { MEMBLOCK } from '../../formats/memblock/index.js';
import { textProperty } from '../handover/builder.js';
import type { HandoverSpec } from '../handover/spec.js';
import { type Boundary, type Choices, type Fault, handoverGenerator } from './handover-generator.js';
import type { GeneratedMachine } from './machines.js';
import { randomAround, randomMemblock } from './random-spec.js';
import type { Generator } from './types.js';

const PAGE = 4096;

const BOUNDARIES: readonly Boundary[] = [
  { name: 'empty', covers: 'a node without regions', spec: () => ({ memblock: {} }) },
  {
    name: 'region-1-page',
    covers: 'one region of one page',
    spec: (_, { pageSize }) => ({ memblock: { region: { size: pageSize } } }),
  },
  {
    name: 'region-7-pages',
    covers: 'a region of 7 pages, which is blocks of orders 0, 1 and 2',
    spec: (_, { pageSize }) => ({ memblock: { region: { size: 7 * pageSize } } }),
  },
  {
    name: 'region-odd-start',
    covers: 'a region of 8 pages at an odd page, which is no block of order 3',
    spec: (_, { pageSize }) => ({ memblock: { region: { at: 0x40000000 + pageSize, size: 8 * pageSize } } }),
  },
  {
    name: 'region-1-gib',
    covers: 'a region of 1 GiB',
    spec: () => ({ memblock: { region: { at: 0x40000000, size: 0x40000000 } } }),
  },
  {
    name: 'regions-8',
    covers: 'eight regions, the most that a kernel has',
    spec: (_, { pageSize }) => ({
      memblock: Object.fromEntries(
        Array.from({ length: 8 }, (_, i) => [`region-${i}`, { size: (i + 1) * pageSize }]),
      ),
    }),
  },
  {
    name: 'name-shortest',
    covers: 'a region whose name has one character',
    spec: (_, { pageSize }) => ({ memblock: { x: { size: pageSize } } }),
  },
  {
    name: 'name-longest',
    covers: 'regions whose names have 15 characters',
    spec: (_, { pageSize }) => ({
      memblock: { 'a-name-of-15-ch': { size: pageSize }, 'b-name-of-15-ch': { size: pageSize } },
    }),
  },
  {
    name: 'contents',
    covers: 'a region whose last byte is written',
    spec: (_, { pageSize }) => ({
      memblock: { region: { size: pageSize, contents: [{ at: pageSize - 1, hex: 'ff' }] } },
    }),
  },
];

const region = (pages: number): HandoverSpec => ({ memblock: { region: { size: pages * PAGE } } });
const changed = (root: FDTNode, change: (node: FDTNode) => FDTNode): FDTNode => ({
  ...root,
  children: root.children.map(change),
});

const FAULTS: readonly Fault[] = [
  {
    rule: 'memblock/compatible',
    on: ['v1'],
    spec: () => region(1),
    path: 'entries.memblock.region',
    edit: (dump) =>
      dump.bytes(dump.propertyIn(dump.region('memblock'), ['region'], 'compatible').value, 'reserve-mem-v9'),
  },
  {
    rule: 'memblock/region',
    on: ['v1'],
    spec: () => region(1),
    path: 'entries.memblock.region',
    edit: (dump) => dump.be32(dump.propertyIn(dump.region('memblock'), ['region'], 'start').len, 7),
  },
  {
    rule: 'memblock/not-preserved',
    on: ['v1'],
    spec: () => region(1),
    path: 'entries.memblock.region',
    edit: (dump) => dump.preserve(dump.region('memblock.region'), 0, false),
  },
  {
    rule: 'memblock/unaligned',
    on: ['v1'],
    spec: () => region(1),
    path: 'entries.memblock.region',
    edit: (dump) => dump.u64(dump.propertyIn(dump.region('memblock'), ['region'], 'size').value, PAGE + 8),
  },
  {
    rule: 'memblock/name',
    on: ['v1'],
    spec: () => region(1),
    path: 'entries.memblock.a-name-of-16-chr',
    edit: (dump) =>
      dump.retree('memblock', (root) => changed(root, (node) => ({ ...node, name: 'a-name-of-16-chr' }))),
  },
  {
    rule: 'memblock/many',
    on: ['v1'],
    spec: () => region(9),
    path: 'entries.memblock',
    edit: (dump) =>
      dump.retree('memblock', (root) => ({
        ...root,
        // One region of nine pages as nine of one page each.
        children: Array.from(
          { length: 9 },
          (_, i): FDTNode => ({
            name: `region-${i}`,
            properties: [
              textProperty('compatible', 'reserve-mem-v1'),
              dump.native('start', dump.region('memblock.region') + BigInt(i * PAGE)),
              dump.native('size', PAGE),
            ],
            children: [],
          }),
        ),
      })),
  },
];

export const memblockGenerator: Generator = handoverGenerator({
  format: 'memblock',
  generations: [{ name: 'v1', title: 'a device tree with a node for each region' }],
  rules: Object.values(MEMBLOCK),
  base: () => ({ kernel: '7.3', sessions: [{ name: 'session' }] }),
  boundaries: BOUNDARIES,
  random: (_, machine: GeneratedMachine, choices: Choices) => ({
    ...randomAround(choices, true),
    memblock: randomMemblock(choices, machine),
  }),
  faults: FAULTS,
  unbroken: {},
});
