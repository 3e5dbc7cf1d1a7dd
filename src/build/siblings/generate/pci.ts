/** Fixtures of what the PCI core hands over. */
import { PCI, PCI_PROFILES } from '../../../formats/pci/index.js';
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
import { PCI_BUILDS, type PciSpec } from '../pci.js';
import { addresses, FLB_LABEL, FLB_PATH, flb } from './places.js';

/** The entries of the RFC are only read where somebody says so: no name leads to them. */
const PROFILES = PCI_PROFILES.filter(({ list }) => list !== 'open');
const PATH = `${FLB_PATH}.pci`;

const pci = (generation: string, spec: Omit<PciSpec, 'layout'>): HandoverSpec => {
  const layout = PCI_BUILDS.find((name) => name === generation);
  return flb({ pci: { ...(layout === undefined ? {} : { layout }), ...spec } });
};
const inBlocks = (generation: string): boolean => /^(?:v7|accepted)/.test(generation);
const hasRoom = (generation: string): boolean => /^v[2-5]/.test(generation);
const hasLargeDomains = (generation: string): boolean => generation !== 'v1' && generation !== 'v2';
const countsBelow = (generation: string): boolean => /^(?:v5|v7|accepted-v2)$/.test(generation);

/** Entries that fit into the first block, or into the first page. */
function room(generation: string, { pageSize }: GeneratedMachine): number {
  const profile = PROFILES.find(({ name }) => name === generation);
  if (profile === undefined) throw new Error(`there is no layout ${generation}`);
  return Math.floor((pageSize - (profile.list === 'blocks' ? 16 : profile.header)) / profile.entry);
}

const BOUNDARIES: readonly Boundary[] = [
  {
    name: 'empty',
    covers: 'no device',
    on: (generation) => inBlocks(generation),
    spec: (generation) => pci(generation, { devices: [] }),
  },
  { name: 'one', covers: 'one device', spec: (generation) => pci(generation, { devices: addresses(1) }) },
  {
    name: 'page-full',
    covers: 'as many devices as fit into the first page or block: 510 in 4 KiB',
    spec: (generation, machine) => pci(generation, { devices: addresses(room(generation, machine)) }),
  },
  {
    name: 'page-and-one',
    covers: 'one device more than fits into the first page or block',
    spec: (generation, machine) => pci(generation, { devices: addresses(room(generation, machine) + 1) }),
  },
  {
    name: 'room',
    covers: 'one device, and room for the rest of the page',
    on: hasRoom,
    spec: (generation, machine) =>
      pci(generation, { devices: addresses(1), max_nr_devices: room(generation, machine) }),
  },
  {
    name: 'domain-vmd',
    covers: 'a device in the first domain behind those of 16 bits, as VMD makes them up',
    on: hasLargeDomains,
    spec: (generation) => pci(generation, { devices: addresses(1, 0x10000) }),
  },
  {
    name: 'bridges',
    covers: 'bridges that count all devices below them',
    on: countsBelow,
    spec: (generation) =>
      pci(generation, {
        devices: [
          { address: '0000:00:1c.0', refcount: 4 },
          { address: '0000:01:00.0', refcount: 3 },
          '0000:02:00.0',
          '0000:02:00.1',
        ],
      }),
  },
];

function randomSpec(generation: string, _: GeneratedMachine, choices: Choices): HandoverSpec {
  const count = choices.between(1, choices.one([3, 3, 20, 300]));
  const first = choices.below(0x1000);
  const large = hasLargeDomains(generation) && choices.chance(0.3);
  const devices = addresses(first + count, large ? 0x10000 : choices.below(3)).slice(first);
  return {
    ...randomAround(choices, true),
    ...pci(generation, {
      devices,
      ...(hasRoom(generation) && choices.chance(0.5) ? { max_nr_devices: count + choices.below(20) } : {}),
    }),
  };
}

const ALL = PROFILES.map(({ name }) => name);
const BELOW = ALL.filter(countsBelow);
const at = (dump: BuiltDump): bigint => dump.region(`${FLB_LABEL}.pci`);
/** The first entry. */
const entry = (dump: BuiltDump, generation: string): bigint =>
  inBlocks(generation)
    ? dump.region(`${FLB_LABEL}.pci.devices.blocks[0]`) + 16n
    : at(dump) + BigInt(PROFILES.find(({ name }) => name === generation)?.header ?? 0);
const two = (generation: string): HandoverSpec => pci(generation, { devices: addresses(2) });

const FAULTS: readonly Fault[] = [
  {
    rule: 'pci/version',
    on: ['accepted-v1', 'accepted-v2'],
    spec: two,
    path: `${PATH}.version`,
    edit: (dump) => dump.u32(at(dump), 3),
  },
  {
    rule: 'pci/capacity',
    on: ['v5'],
    spec: two,
    path: `${PATH}.max_nr_devices`,
    edit: (dump) => dump.u32(at(dump), 2000),
  },
  {
    rule: 'pci/count',
    on: ALL,
    spec: (generation) =>
      pci(generation, { devices: addresses(2), ...(hasRoom(generation) ? { max_nr_devices: 3 } : {}) }),
    path: `${PATH}.nr_devices`,
    edit: (dump, generation) => {
      if (generation === 'v1') dump.u64(at(dump), 3);
      else if (generation === 'v2' || generation === 'v3') dump.u64(at(dump) + 8n, 3);
      else dump.u32(at(dump) + (generation === 'v7' ? 0n : 4n), 3);
    },
  },
  {
    rule: 'pci/order',
    on: ['v1', 'v2', 'v3', 'v3-u32'],
    spec: two,
    path: `${PATH}.devices[1]`,
    edit: (dump, generation) => {
      const first = entry(dump, generation);
      const size = PROFILES.find(({ name }) => name === generation)?.entry ?? 0;
      const bytes = dump.read(first, size).slice();
      dump.bytes(first, dump.read(first + BigInt(size), size).slice());
      dump.bytes(first + BigInt(size), bytes);
    },
  },
  {
    rule: 'pci/duplicate',
    on: ['v5', 'v7', 'accepted-v1', 'accepted-v2'],
    spec: two,
    path: `${PATH}.devices[1]`,
    edit: (dump, generation) =>
      dump.bytes(entry(dump, generation) + 8n, dump.read(entry(dump, generation), 8).slice()),
  },
  {
    rule: 'pci/refcount',
    on: ['accepted-v1'],
    spec: two,
    path: `${PATH}.devices[0].refcount`,
    edit: (dump, generation) => dump.u16(entry(dump, generation) + 6n, 2),
  },
  {
    rule: 'pci/refcount-below',
    on: BELOW,
    spec: (generation) => pci(generation, { devices: ['0000:01:00.0', '0000:02:00.0'] }),
    path: `${PATH}.devices[0].refcount`,
    edit: (dump, generation) => dump.u16(entry(dump, generation) + 6n, 3),
  },
  {
    rule: 'pci/reserved',
    on: ['v3', 'v3-u32'],
    spec: two,
    path: `${PATH}.devices[1]`,
    edit: (dump, generation) => dump.u16(entry(dump, generation) + 14n, 2),
  },
];

export const pciGenerator: Generator = handoverGenerator({
  format: 'pci',
  generations: PROFILES,
  rules: Object.values(PCI),
  base: () => ({}),
  boundaries: BOUNDARIES,
  random: randomSpec,
  faults: FAULTS,
  unbroken: {},
});
