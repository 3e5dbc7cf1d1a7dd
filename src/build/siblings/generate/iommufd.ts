/** Fixtures of preserved iommufds. */
import { IOMMUFD, IOMMUFD_PROFILES } from '../../../formats/iommufd/index.js';
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
import type { FileSpec, HandoverSpec } from '../../handover/spec.js';
import { type HwptSpec, IOMMUFD_BUILDS, type IommufdSpec } from '../iommufd.js';
import { fileLabel, filePath, session } from './places.js';

/** Preserved memory that a domain can be said to be in: that of a memfd. */
const DOMAINS = 0x40000000;
const STRIDE = 33;
const HEADER = 16;
const memory = (pageSize: number, bytes: number): Partial<FileSpec> => {
  const count = Math.ceil(bytes / pageSize);
  return { memfd: { size: count * pageSize, folios: [{ at: DOMAINS, count }] } };
};
/** Where the nth domain is, behind the header of its page. */
const domain = (n: number, pageSize: number): number => {
  const inPage = Math.floor((pageSize - HEADER) / STRIDE);
  return DOMAINS + Math.floor(n / inPage) * pageSize + HEADER + (n % inPage) * STRIDE;
};
const hwpts = (count: number, pageSize: number): HwptSpec[] =>
  Array.from({ length: count }, (_, i) => ({ token: i + 1, domain_data: domain(i, pageSize) }));
const iommufd = (
  generation: string,
  spec: Omit<IommufdSpec, 'layout'>,
  { pageSize }: Pick<GeneratedMachine, 'pageSize'>,
): HandoverSpec => {
  const layout = IOMMUFD_BUILDS.find((name) => name === generation);
  const count = spec.hwpts?.length ?? 0;
  return session([
    { iommufd: { ...(layout === undefined ? {} : { layout }), ...spec } },
    ...(count === 0 ? [] : [memory(pageSize, domain(count, pageSize) + STRIDE - DOMAINS)]),
  ]);
};
const hasTables = (generation: string): boolean => generation !== 'R1';
const ENTRY: Readonly<Record<string, number>> = { B: 13, C: 24 };
const HEAD: Readonly<Record<string, number>> = { B: 4, C: 8 };
/** Page tables that fit into a page. */
const room = (generation: string, { pageSize }: GeneratedMachine): number =>
  Math.floor((pageSize - (HEAD[generation] ?? 0)) / (ENTRY[generation] ?? 1));

const BOUNDARIES: readonly Boundary[] = [
  { name: 'empty', covers: 'no page table', spec: (generation, machine) => iommufd(generation, {}, machine) },
  ...[1, 2].map(
    (count): Boundary => ({
      name: `hwpts-${count}`,
      covers: `${count} page tables, each of a domain of its own`,
      on: hasTables,
      spec: (generation, machine) => iommufd(generation, { hwpts: hwpts(count, machine.pageSize) }, machine),
    }),
  ),
  {
    name: 'hwpts-page-full',
    covers: 'as many page tables as fit into a page',
    on: hasTables,
    spec: (generation, machine) =>
      iommufd(generation, { hwpts: hwpts(room(generation, machine), machine.pageSize) }, machine),
  },
  {
    name: 'hwpts-page-and-one',
    covers: 'one page table more than fits into a page',
    on: hasTables,
    spec: (generation, machine) =>
      iommufd(generation, { hwpts: hwpts(room(generation, machine) + 1, machine.pageSize) }, machine),
  },
  {
    name: 'token-extremes',
    covers: 'the tokens 0 and the largest',
    on: hasTables,
    spec: (generation, machine) => {
      const largest = generation === 'B' ? 2n ** 32n - 1n : 2n ** 64n - 1n;
      const [first, second] = [0n, largest].map((token, i) => ({
        token,
        domain_data: domain(i, machine.pageSize),
      }));
      return iommufd(
        generation,
        { hwpts: [first, second].flatMap((hwpt) => (hwpt === undefined ? [] : [hwpt])) },
        machine,
      );
    },
  },
  {
    name: 'folio',
    covers: 'a folio, of which nothing is known',
    on: (generation) => generation === 'R1',
    spec: (generation, machine) => iommufd(generation, { folio: { contents: 'opaque' } }, machine),
  },
];

function randomSpec(generation: string, machine: GeneratedMachine, choices: Choices): HandoverSpec {
  const around = randomAround(choices, true);
  if (generation === 'R1')
    return { ...around, ...iommufd(generation, { folio: { contents: choices.name(60) } }, machine) };
  const first = choices.below(2 ** 31);
  const list = hwpts(choices.between(1, 12), machine.pageSize).map((hwpt, i) => ({
    ...hwpt,
    token: first + i,
  }));
  // Automatic addresses stay below the domains, or begin behind them.
  return { ...around, memory: { base: 0x1000000 }, ...iommufd(generation, { hwpts: list }, machine) };
}

const PATH = `${filePath(0)}.iommufd`;
const at = (dump: BuiltDump): bigint => dump.region(`${fileLabel(0)}.iommufd`);
const MACHINE = { pageSize: 4096 } as const;
const two = (generation: string): HandoverSpec =>
  iommufd(generation, { hwpts: hwpts(2, MACHINE.pageSize) }, MACHINE);
/** A field of the nth page table. */
const field = (
  dump: BuiltDump,
  generation: string,
  n: number,
  name: 'token' | 'domain' | 'reclaimed',
): bigint => {
  const offset =
    generation === 'B'
      ? { token: 0, domain: 4, reclaimed: 12 }[name]
      : { domain: 0, token: 8, reclaimed: 16 }[name];
  return at(dump) + BigInt((HEAD[generation] ?? 0) + n * (ENTRY[generation] ?? 0) + offset);
};

const FAULTS: readonly Fault[] = [
  {
    rule: 'iommufd/count',
    on: ['C'],
    spec: two,
    path: `${PATH}.nr_hwpts`,
    edit: (dump) => dump.u64(at(dump), 1000),
  },
  {
    rule: 'iommufd/token-duplicate',
    on: ['B', 'C'],
    spec: two,
    path: `${PATH}.hwpts[1].token`,
    edit: (dump, generation) => dump.u32(field(dump, generation, 1, 'token'), 1),
  },
  {
    rule: 'iommufd/domain-duplicate',
    on: ['B', 'C'],
    spec: two,
    path: `${PATH}.hwpts[1].domain_data`,
    edit: (dump, generation) => dump.u64(field(dump, generation, 1, 'domain'), domain(0, MACHINE.pageSize)),
  },
  {
    rule: 'iommufd/domain',
    on: ['B', 'C'],
    spec: two,
    path: `${PATH}.hwpts[1].domain_data`,
    edit: (dump, generation) => dump.u64(field(dump, generation, 1, 'domain'), DOMAINS),
  },
  {
    rule: 'iommufd/reclaimed',
    on: ['B', 'C'],
    spec: two,
    path: `${PATH}.hwpts[1].reclaimed`,
    edit: (dump, generation) => dump.bytes(field(dump, generation, 1, 'reclaimed'), Uint8Array.of(1)),
  },
  {
    rule: 'iommufd/padding',
    on: ['C'],
    spec: two,
    path: `${PATH}.hwpts[1]`,
    edit: (dump, generation) => dump.bytes(field(dump, generation, 1, 'reclaimed') + 1n, Uint8Array.of(1)),
  },
];

export const iommufdGenerator: Generator = handoverGenerator({
  format: 'iommufd',
  // From the oldest on.
  generations: [...IOMMUFD_PROFILES].reverse(),
  rules: Object.values(IOMMUFD),
  base: () => ({}),
  boundaries: BOUNDARIES,
  random: randomSpec,
  faults: FAULTS,
  unbroken: {},
});
