/** Fixtures of preserved guest_memfds. */
import { GUEST_MEMFD } from '../../../formats/guest-memfd/index.js';
import type { BuiltDump } from '../../generate/built-dump.js';
import {
  type Boundary,
  type Choices,
  type Fault,
  handoverGenerator,
} from '../../generate/handover-generator.js';
import type { GeneratedMachine } from '../../generate/machines.js';
import { randomAround, randomContents } from '../../generate/random-spec.js';
import type { Generator } from '../../generate/types.js';
import type { HandoverSpec } from '../../handover/spec.js';
import type { GuestMemfdSpec } from '../guest-memfd.js';
import { fileLabel, filePath, session } from './places.js';

const guest = (spec: GuestMemfdSpec): HandoverSpec => session([{ guest_memfd: spec }, { kvm_vm: {} }]);
const isSmall = (_: string, { pageSize }: GeneratedMachine): boolean => pageSize === 4096;
const run = (count: number, pageSize: number): HandoverSpec =>
  guest({ size: count * pageSize, folios: [{ count }] });

const BOUNDARIES: readonly Boundary[] = [
  { name: 'empty', covers: 'a page that nobody wrote into', spec: () => guest({}) },
  { name: 'contents', covers: 'a page that holds something', spec: () => guest({ contents: 'guest' }) },
  {
    name: 'size-largest',
    covers: 'the largest size, of which all but the last page is a hole',
    spec: (_, { pageSize }) => {
      const pages = 2n ** 63n / BigInt(pageSize) - 1n;
      // An index this high is exact up to 2^52.
      const last = pages < 2n ** 51n ? pages - 1n : 2n ** 51n;
      return guest({ size: pages * BigInt(pageSize), folios: [{ index: last }] });
    },
  },
  {
    name: 'flags-least',
    covers: 'INIT_SHARED without MMAP',
    spec: () => guest({ flags: 2 }),
  },
  {
    name: 'not-written',
    covers: 'pages that are not up to date beside pages that are',
    spec: (_, { pageSize }) => guest({ size: 2 * pageSize, folios: [{ flags: 0 }, {}] }),
  },
  {
    name: 'holes',
    covers: 'holes before, between and behind the pages',
    spec: (_, { pageSize }) => guest({ size: 6 * pageSize, folios: [{ index: 1 }, { index: 3, count: 2 }] }),
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
    name: 'two-vms',
    covers: 'two guest_memfds of different VMs',
    spec: () =>
      session([
        { kvm_vm: {} },
        { kvm_vm: {} },
        { guest_memfd: { vm_token: 1 } },
        { guest_memfd: { vm_token: 2 } },
      ]),
  },
];

function randomSpec(_: string, { pageSize }: GeneratedMachine, choices: Choices): HandoverSpec {
  const around = randomAround(choices, true);
  if (choices.chance(0.5))
    return { ...around, ...guest({ contents: randomContents(choices, 3 * pageSize) }) };
  let next = 0;
  const folios = Array.from({ length: choices.between(1, 5) }, () => {
    const index = next + choices.one([0, 0, 1, 100]);
    const count = choices.between(1, 5);
    next = index + count;
    return { index, count, flags: choices.below(2) };
  });
  return { ...around, ...guest({ size: (next + choices.below(5)) * pageSize, folios }) };
}

const V1 = ['v1'];
const PAGE = 4096;
const PATH = `${filePath(0)}.guest_memfd`;
const FOLIOS = `${PATH}.folios`;
const PAGES = 0x40000000;
const at = (dump: BuiltDump): bigint => dump.region(`${fileLabel(0)}.guest_memfd`);
const array = (dump: BuiltDump): bigint => dump.at(`${FOLIOS}.array[0]`);
const two = (): HandoverSpec => guest({ size: 2 * PAGE, folios: [{ count: 2, at: PAGES }] });

const FAULTS: readonly Fault[] = [
  {
    rule: 'guest-memfd/size',
    on: V1,
    spec: two,
    path: `${PATH}.size`,
    edit: (dump) => dump.u64(at(dump), 2 * PAGE + 1),
  },
  {
    rule: 'guest-memfd/flags',
    on: V1,
    spec: two,
    path: `${PATH}.flags`,
    edit: (dump) => dump.u64(at(dump) + 8n, 7),
  },
  {
    rule: 'guest-memfd/private',
    on: V1,
    spec: two,
    path: `${PATH}.flags`,
    edit: (dump) => dump.u64(at(dump) + 8n, 1),
  },
  {
    rule: 'guest-memfd/folio-count',
    on: V1,
    spec: two,
    path: `${PATH}.nr_folios`,
    edit: (dump) => dump.u64(at(dump) + 16n, 3),
    companions: [['guest-memfd/folio-none', FOLIOS]],
    notAlone:
      'each folio beyond the pages of the file is empty, or lies behind the end, or where another one is',
  },
  {
    rule: 'guest-memfd/array',
    on: V1,
    spec: () => guest({ size: 512 * PAGE, folios: [{ count: 256 }] }),
    path: FOLIOS,
    edit: (dump) => dump.u64(at(dump) + 16n, 257),
  },
  {
    rule: 'guest-memfd/folio-unpreserved',
    on: V1,
    spec: two,
    path: FOLIOS,
    edit: (dump) => dump.preserve(BigInt(PAGES), 0, false),
  },
  {
    rule: 'guest-memfd/folio-flags',
    on: V1,
    spec: two,
    path: FOLIOS,
    edit: (dump) => dump.u64(array(dump), dump.word(array(dump)) | (2n << 52n)),
  },
  {
    rule: 'guest-memfd/folio-large',
    on: V1,
    spec: () => guest({ size: 2 * PAGE, folios: [{ at: PAGES }] }),
    path: FOLIOS,
    edit: (dump) => {
      dump.preserve(BigInt(PAGES), 0, false);
      dump.preserve(BigInt(PAGES), 1);
    },
  },
  {
    rule: 'guest-memfd/folio-order',
    on: V1,
    spec: two,
    path: FOLIOS,
    edit: (dump) => {
      dump.u64(array(dump) + 8n, 1);
      dump.u64(array(dump) + 24n, 0);
    },
  },
  {
    rule: 'guest-memfd/folio-twice',
    on: V1,
    spec: two,
    path: FOLIOS,
    edit: (dump) => dump.u64(array(dump) + 24n, 0),
  },
  {
    rule: 'guest-memfd/folio-beyond',
    on: V1,
    spec: two,
    path: FOLIOS,
    edit: (dump) => dump.u64(array(dump) + 24n, 2),
  },
  {
    rule: 'guest-memfd/folio-none',
    on: V1,
    spec: two,
    path: FOLIOS,
    edit: (dump) => {
      dump.bytes(array(dump) + 16n, new Uint8Array(16));
      // The page that nobody leads to any more would be without an owner.
      dump.preserve(BigInt(PAGES + PAGE), 0, false);
    },
  },
  {
    rule: 'guest-memfd/tail',
    on: V1,
    spec: two,
    path: FOLIOS,
    edit: (dump) => {
      dump.u64(at(dump) + 16n, 1);
      dump.preserve(BigInt(PAGES + PAGE), 0, false);
    },
  },
  {
    rule: 'guest-memfd/vm-none',
    on: V1,
    spec: two,
    path: `${PATH}.vm_token`,
    edit: (dump) => dump.u64(at(dump) + 24n, 0),
  },
  {
    rule: 'guest-memfd/vm-token',
    on: V1,
    spec: two,
    path: `${PATH}.vm_token`,
    edit: (dump) => dump.u64(at(dump) + 24n, 1),
  },
];

export const guestMemfdGenerator: Generator = handoverGenerator({
  format: 'guest-memfd',
  generations: [{ name: 'v1', title: 'size, flags, VM, folios' }],
  rules: Object.values(GUEST_MEMFD),
  base: () => ({}),
  boundaries: BOUNDARIES,
  random: randomSpec,
  faults: FAULTS,
  unbroken: {},
});
