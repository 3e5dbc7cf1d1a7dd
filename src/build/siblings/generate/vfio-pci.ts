/** Fixtures of preserved VFIO devices. */
import { VFIO_PCI, VFIO_PROFILES } from '../../../formats/vfio-pci/index.js';
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
import { VFIO_BUILDS, type VfioSpec } from '../vfio-pci.js';
import { fileLabel, filePath, session } from './places.js';

const vfio = (generation: string, spec: Partial<VfioSpec> = {}): Partial<FileSpec> => {
  const layout = VFIO_BUILDS.find((name) => name === generation);
  return { vfio: { address: '0000:3a:01.0', ...(layout === undefined ? {} : { layout }), ...spec } };
};
const ALL = VFIO_PROFILES.map(({ name }) => name);
const V2 = ALL.filter((name) => name.startsWith('v2'));
const ATTACHED = ALL.filter((name) => name.endsWith('-iommufd'));
const RESETS = ALL.filter((name) => /reset|iommufd|config/.test(name));
const isOf =
  (names: readonly string[]) =>
  (generation: string): boolean =>
    names.includes(generation);
const attached = (generation: string): HandoverSpec =>
  session([{ iommufd: {} }, vfio(generation, { iommufd_token: 1 })]);

const BOUNDARIES: readonly Boundary[] = [
  { name: 'device', covers: 'a device', spec: (generation) => session([vfio(generation)]) },
  {
    name: 'last-function',
    covers: 'the last function of the last bus',
    spec: (generation) => session([vfio(generation, { address: '0000:ff:1f.7' })]),
  },
  {
    name: 'domain-vmd',
    covers: 'a device in the first domain behind those of 16 bits, as VMD makes them up',
    on: isOf(V2),
    spec: (generation) => session([vfio(generation, { address: '10000:3a:01.0' })]),
  },
  {
    name: 'no-reset',
    covers: 'a device that cannot be reset',
    on: isOf(RESETS),
    spec: (generation) => session([vfio(generation, { reset_works: false })]),
  },
  { name: 'attached', covers: 'a device that is attached to an iommufd', on: isOf(ATTACHED), spec: attached },
  {
    name: 'token-largest',
    covers: 'an iommufd with the largest token that 32 bits hold',
    on: isOf(ATTACHED),
    spec: (generation) =>
      session([{ token: 0xffffffff, iommufd: {} }, vfio(generation, { iommufd_token: 0xffffffff })]),
  },
  {
    name: 'core',
    covers: 'devices that the PCI core preserves as well',
    spec: (generation) =>
      session([vfio(generation), vfio(generation, { address: '0000:3b:00.0' })], [{ pci: {} }]),
  },
  {
    name: 'config-256',
    covers: 'a configuration space of 256 bytes, saved without capabilities',
    on: isOf(['rfc-config']),
    spec: (generation) => session([vfio(generation, { config: { saved_state: {} } })]),
  },
  {
    name: 'config-4096',
    covers: 'a configuration space of 4096 bytes, saved with an ordinary and an extended capability',
    on: isOf(['rfc-config']),
    spec: (generation) =>
      session([
        vfio(generation, {
          config: {
            cfg_size: 4096,
            vconfig: [{ fill: 'offsets', size: 4096 }],
            saved_state: {
              config_space: [0x12348086],
              caps: [
                { cap_nr: 0xff, hex: '0102' },
                { cap_nr: 0xffff, cap_extended: true, hex: '00'.repeat(64) },
              ],
            },
          },
        }),
      ]),
  },
];

function randomSpec(generation: string, _: GeneratedMachine, choices: Choices): HandoverSpec {
  const isAttached = ATTACHED.includes(generation) && choices.chance(0.6);
  const devices = Array.from({ length: choices.between(1, 5) }, (_, i) => {
    const domain = V2.includes(generation)
      ? choices.one(['0000', '0001', '10000'])
      : generation.startsWith('v1')
        ? choices.one(['0000', '0001'])
        : '0000';
    const bus = (0x10 + 0x20 * i + choices.below(0x20)).toString(16);
    return vfio(generation, {
      address: `${domain}:${bus}:${choices.below(32).toString(16).padStart(2, '0')}.${choices.below(8)}`,
      ...(RESETS.includes(generation) && choices.chance(0.3) ? { reset_works: false } : {}),
      ...(isAttached ? { iommufd_token: 1 } : {}),
      ...(generation === 'rfc-config'
        ? { config: { cfg_size: choices.one([256, 4096]), vconfig: choices.name(40) } }
        : {}),
    });
  });
  return {
    ...randomAround(choices, true),
    ...session([...(isAttached ? [{ iommufd: {} }] : []), ...devices]),
  };
}

const at = (dump: BuiltDump, index: number): bigint => dump.region(`${fileLabel(index)}.vfio`);
const state = (dump: BuiltDump): bigint => dump.region(`${fileLabel(0)}.vfio.config.saved_state`);
const STATE = `${filePath(0)}.vfio.pci_saved_state`;
const profileOf = (generation: string) => {
  const profile = VFIO_PROFILES.find(({ name }) => name === generation);
  if (profile === undefined) throw new Error(`there is no layout ${generation}`);
  return profile;
};
const saved = (generation: string): HandoverSpec =>
  session([vfio(generation, { config: { saved_state: { caps: [{ cap_nr: 0x10, hex: 'aabbccdd' }] } } })]);
const TOKEN = `${filePath(1)}.vfio.iommufd_ser.token`;

const FAULTS: readonly Fault[] = [
  {
    rule: 'vfio-pci/reset',
    on: ['v2-reset', 'rfc-config'],
    spec: (generation) => session([vfio(generation)]),
    path: `${filePath(0)}.vfio.reset_works`,
    edit: (dump, generation) =>
      dump.bytes(at(dump, 0) + BigInt(profileOf(generation).reset ?? 0), Uint8Array.of(2)),
  },
  {
    rule: 'vfio-pci/saved-state',
    on: ['rfc-config'],
    spec: saved,
    path: `${STATE}.caps[0]`,
    edit: (dump) => dump.u32(state(dump) + 67n, 0x10000),
  },
  {
    rule: 'vfio-pci/saved-preserved',
    on: ['rfc-config'],
    spec: saved,
    path: STATE,
    edit: (dump) => dump.preserve(state(dump), 0, false),
  },
  {
    rule: 'vfio-pci/saved-capability',
    on: ['rfc-config'],
    spec: saved,
    path: `${STATE}.caps[0]`,
    edit: (dump) => dump.u16(state(dump) + 64n, 0x100),
  },
  {
    rule: 'vfio-pci/duplicate',
    on: ALL,
    spec: (generation) => session([vfio(generation), vfio(generation, { address: '0000:3b:00.0' })]),
    path: `${filePath(1)}.vfio`,
    edit: (dump, generation) => {
      const { bdf } = profileOf(generation);
      dump.bytes(at(dump, 1) + BigInt(bdf), dump.read(at(dump, 0) + BigInt(bdf), 2).slice());
    },
  },
  {
    rule: 'vfio-pci/token-cut',
    on: ATTACHED,
    spec: attached,
    path: TOKEN,
    edit: (dump) => dump.u64(dump.at(filePath(0)) + 56n, 0x100000001n),
  },
  {
    rule: 'vfio-pci/token-dangling',
    on: ATTACHED,
    spec: attached,
    path: TOKEN,
    edit: (dump, generation) => dump.u32(at(dump, 1) + BigInt(profileOf(generation).token ?? 0), 7),
  },
  {
    rule: 'vfio-pci/pci-entry',
    on: ALL,
    spec: (generation) =>
      session(
        [vfio(generation), vfio(generation, { address: '0000:3b:00.0' })],
        [{ pci: { devices: ['0000:3a:01.0'] } }],
      ),
    path: `${filePath(1)}.vfio`,
  },
  {
    rule: 'vfio-pci/pci-device',
    on: ALL,
    spec: (generation) =>
      session(
        [vfio(generation)],
        [{ pci: { layout: 'accepted-v1', devices: ['0000:3a:01.0', '0000:3b:00.0'] } }],
      ),
    path: 'entries.LUO.flbs[0].pci.devices[1]',
  },
];

export const vfioGenerator: Generator = handoverGenerator({
  format: 'vfio-pci',
  generations: VFIO_PROFILES,
  rules: Object.values(VFIO_PCI),
  base: () => ({}),
  boundaries: BOUNDARIES,
  random: randomSpec,
  faults: FAULTS,
  unbroken: {
    'vfio-pci/config-size':
      'the size is what tells the layout from the one without a configuration space: it is only found where the layout is named with --as vfio-pci@rfc-config',
  },
});
