/** Fixtures of the kernel's own test of KHO. */
import { KHO_TEST } from '../../formats/kho-test/index.js';
import type { HandoverSpec, KhoTestSpec } from '../handover/spec.js';
import type { BuiltDump } from './built-dump.js';
import { type Boundary, type Fault, handoverGenerator } from './handover-generator.js';
import { randomAround, randomKhoTest } from './random-spec.js';
import type { Generator } from './types.js';

const ENTRY = 'entries.kho_test';
/** Up to 6.17 the folios are listed in the property, which says that it is kho-v1 of that time. */
const OLD: HandoverSpec = { kernel: '6.17', sessions: [] };

const zeros = (count: number): KhoTestSpec['folios'] =>
  Array.from({ length: count }, () => ({ contents: [{ fill: 'zeros', size: 1 }] }));
const test = (folios: KhoTestSpec['folios']): HandoverSpec => ({ kho_test: { folios } });

const BOUNDARIES: readonly Boundary[] = [
  { name: 'empty', covers: 'no folio', spec: () => test([]) },
  { name: 'folios-1', covers: 'one folio', spec: () => test([{}]) },
  {
    name: 'folios-2',
    covers: 'two folios, whose list in a property is as long as a kho_vmalloc',
    spec: () => test([{}, {}]),
  },
  {
    name: 'folios-page-full',
    covers: 'as many folios as a page lists, 512 in 4 KiB',
    on: (_, { pageSize }) => pageSize === 4096,
    spec: (_, { pageSize }) => test(zeros(pageSize / 8)),
  },
  {
    name: 'folios-page-and-one',
    covers: 'one folio more than a page lists',
    on: (_, { pageSize }) => pageSize === 4096,
    spec: (_, { pageSize }) => test(zeros(pageSize / 8 + 1)),
  },
  {
    name: 'orders',
    covers: 'folios of orders 0 to 5',
    spec: () => test([0, 1, 2, 3, 4, 5].map((order) => ({ order }))),
  },
  {
    name: 'checksum-0',
    covers: 'folios of zeros, whose checksum is 0',
    spec: () => test(zeros(3)),
  },
  {
    name: 'checksum-carries',
    covers: 'folios of ones, where every addition carries',
    spec: (_, { pageSize }) => test([{ contents: [{ fill: 'ff', size: pageSize }] }]),
  },
  {
    name: 'inline-1',
    covers: 'one folio, listed in the property as up to Linux 6.17',
    spec: () => ({ ...OLD, ...test([{}]) }),
  },
  {
    name: 'inline-3',
    covers: 'three folios, listed in the property',
    spec: () => ({ ...OLD, ...test([{}, {}, { order: 2 }]) }),
  },
  {
    name: 'inline-400',
    covers: '400 folios, listed in the property, which nearly fill the tree',
    on: (_, { pageSize }) => pageSize === 4096,
    spec: () => ({ ...OLD, ...test(zeros(400)) }),
  },
];

const blob = (dump: BuiltDump): bigint => dump.region('kho_test');
const two = (): HandoverSpec => test([{}, { order: 1 }]);

const FAULTS: readonly Fault[] = [
  {
    rule: 'kho-test/compatible',
    on: ['v1'],
    spec: two,
    path: ENTRY,
    edit: (dump) => dump.u32(dump.propertyIn(blob(dump), [], 'magic').value, 1),
  },
  {
    rule: 'kho-test/property',
    on: ['v1'],
    spec: two,
    path: ENTRY,
    edit: (dump) => dump.be32(dump.propertyIn(blob(dump), ['data'], 'csum').len, 3),
  },
  {
    rule: 'kho-test/folios-info',
    on: ['v1'],
    spec: two,
    path: ENTRY,
    edit: (dump) => dump.be32(dump.propertyIn(blob(dump), ['data'], 'folios_info').len, 15),
  },
  {
    rule: 'kho-test/checksum',
    on: ['v1'],
    spec: () => ({ kho_test: { folios: [{ contents: [{ fill: 'a5', size: 4096 }] }], csum: 1 } }),
    path: `${ENTRY}.csum`,
  },
  {
    rule: 'kho-test/folio-not-preserved',
    on: ['v1'],
    spec: two,
    path: `${ENTRY}.folios`,
    edit: (dump) => dump.preserve(dump.region('kho_test.folios[0]'), 0, false),
  },
];

export const khoTestGenerator: Generator = handoverGenerator({
  format: 'kho-test',
  generations: [{ name: 'v1', title: 'folios in a property, from 6.18 on in a vmalloc area' }],
  rules: Object.values(KHO_TEST),
  base: () => ({ kernel: '7.3', sessions: [{ name: 'session' }] }),
  boundaries: BOUNDARIES,
  random: (_, __, choices) => ({ ...randomAround(choices, true), kho_test: randomKhoTest(choices) }),
  faults: FAULTS,
  unbroken: {},
});
