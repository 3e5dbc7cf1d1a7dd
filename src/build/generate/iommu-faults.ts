/** One fault for each rule of the IOMMU's state and of the tables that its hardware reads. */
import { findABI } from '../../codec/index.js';
import {
  IOMMU_PROFILES,
  type IommuKind,
  type IommuProfile,
  iommuProfile,
  PAGE_HEADER,
  type Place,
  slotsOf,
} from '../../formats/iommu/index.js';
import type { HandoverSpec, SessionSpec } from '../handover/spec.js';
import type { IommuDeviceSpec, IommuDomainSpec, IommuSpec } from '../iommu/index.js';
import type { BuiltDump } from './built-dump.js';
import type { Fault } from './handover-generator.js';

const STATE = 'entries.LUO.flbs[0].iommu';
const LABEL = 'flbs[0].iommu';
const PAGE = 4096n;

const profile = (generation: string): IommuProfile => {
  const found = iommuProfile(generation);
  if (found === undefined) throw new Error(`there is no layout ${generation}`);
  return found;
};
const named = (test: (profile: IommuProfile) => boolean): readonly string[] =>
  IOMMU_PROFILES.filter(test).map(({ name }) => name);

const ALL = named(() => true);
const TOTALS = named(({ walk }) => walk === 'totals');
const ZOMBIES = named(({ zombies }) => zombies);
const EXACT = named(({ zombies }) => !zombies);
const INTEL = named(({ types }) => types.includes(1));
/** Layouts that keep PASID tables. */
const PASIDS = named(({ driver, types }) => driver && types.includes(1));
const WIDTHS = named(({ domain }) => domain.roles.vasz !== undefined);
const OWNERS = named(({ device }) => device.roles.owner !== undefined);
const BITMAPS = named(({ iommu }) => iommu.roles.bitmap === true);

/** The spec of a state, whole: nothing else is in the handover but an empty session. */
export function stateSpec(
  generation: string,
  state: IommuSpec,
  sessions?: readonly SessionSpec[],
): HandoverSpec {
  // The names of generations are those of layouts.
  const name = generation as NonNullable<IommuSpec['profile']>;
  return {
    sessions: sessions ?? [{ name: 'vmm', files: [{ token: 1, memfd: {} }] }],
    flbs: [{ iommu: { profile: name, ...state } }],
  };
}

const BDFS = ['0000:3a:01.0', '0000:3a:01.1', '0000:3b:00.0', '0000:01:00.0', '10001:02:01.0'];
/** Two units, three domains, five devices: the first two share a domain, and the last is of it on the other unit. */
function sound(
  change: {
    readonly devices?: Readonly<Record<number, Partial<IommuDeviceSpec>>>;
    readonly domains?: readonly IommuDomainSpec[];
    readonly mode?: 'scalable';
  } = {},
): IommuSpec {
  const unit = change.mode === undefined ? {} : { mode: change.mode };
  const domainOf = ['a', 'a', 'b', 'c', 'a'];
  return {
    units: [unit, unit],
    domains: ['a', 'b', 'c'].map((name, i) => ({ name, ...change.domains?.[i] })),
    devices: BDFS.map((bdf, i) => ({
      bdf,
      domain: domainOf[i] ?? 'a',
      ...(i < 3 ? {} : { unit: 1 }),
      ...change.devices?.[i],
    })),
  };
}
const plain = (generation: string): HandoverSpec => stateSpec(generation, sound());
const scalable = (generation: string): HandoverSpec => stateSpec(generation, sound({ mode: 'scalable' }));
/** The first domain maps a page in a table of each level. */
const mapped = (generation: string): HandoverSpec =>
  stateSpec(generation, sound({ domains: [{ map: [{ iova: 0, size: 4096, file: 'vmm/1' }] }] }), [
    { name: 'vmm', files: [{ token: 1, memfd: { contents: 'guest' } }] },
  ]);
/** So many devices more than fill pages of 4 KiB. */
function full(pages: number, more = 0): (generation: string) => HandoverSpec {
  return (generation) => {
    const { stride } = strides(generation).devices;
    const capacity = Math.floor((4096 - PAGE_HEADER) / stride);
    return stateSpec(generation, {
      domains: [{ name: 'a' }],
      devices: Array.from({ length: pages * capacity + more }, (_, i) => ({
        bdf: `0000:${(i >> 8).toString(16)}:${((i >> 3) & 31).toString(16)}.${i & 7}`,
        domain: 'a',
      })),
    });
  };
}
function strides(generation: string) {
  const abi = findABI('x86_64');
  if (abi === undefined) throw new Error('there is no machine');
  return slotsOf(profile(generation), abi);
}

/** Where a member is, by what it is for or by its path. */
function place(dump: BuiltDump, generation: string, kind: IommuKind, name: string): Place {
  const slots = slotsOf(profile(generation), dump.built.abi)[kind];
  const at: Readonly<Record<string, Place | undefined>> = slots.at;
  const found = at[name] ?? slots.place(name);
  if (found === undefined) throw new Error(`${generation} has no ${name}`);
  return found;
}
function slot(dump: BuiltDump, generation: string, kind: IommuKind, index: number): bigint {
  const { stride } = slotsOf(profile(generation), dump.built.abi)[kind];
  return dump.region(`${LABEL}.${kind}`) + BigInt(PAGE_HEADER + index * stride);
}
/** Writes a member of an object of the first page of its kind. */
function put(
  dump: BuiltDump,
  generation: string,
  kind: IommuKind,
  index: number,
  name: string,
  value: bigint | number,
): void {
  const { offset, size, bit } = place(dump, generation, kind, name);
  const at = slot(dump, generation, kind, index) + BigInt(offset);
  if (bit !== undefined) dump.bytes(at, Uint8Array.of((dump.read(at, 1)[0] ?? 0) | (Number(value) << bit)));
  else if (size === 1) dump.bytes(at, Uint8Array.of(Number(value)));
  else if (size === 4) dump.u32(at, Number(value));
  else dump.u64(at, value);
}
const page = (dump: BuiltDump, kind: IommuKind): bigint => dump.region(`${LABEL}.${kind}`);
const rootPage = (dump: BuiltDump): bigint => dump.region(LABEL);
/** Where the root has the first page of devices. */
const devicesWord = (dump: BuiltDump, generation: string): bigint => {
  const { totals } = profile(generation).root;
  return rootPage(dump) + BigInt(profile(generation).root.size - (totals === undefined ? 8 : 16));
};
const devfns = [0x3a08, 0x3a09, 0x3b00, 0x0100, 0x0208];
/** The context entry of a device in legacy mode. */
function context(dump: BuiltDump, device: number): bigint {
  const devid = devfns[device] ?? 0;
  const unit = device < 3 ? 0 : 1;
  return (
    dump.region(`${LABEL}.units[${unit}].context_tables[${(devid >> 8) * 2}]`) + BigInt(16 * (devid & 0xff))
  );
}
const directory = (dump: BuiltDump, device: number): bigint =>
  dump.region(`${LABEL}.units[${device < 3 ? 0 : 1}].pasids[${device}]`);
const top = (dump: BuiltDump, domain: number): bigint => dump.region(`${LABEL}.domains[${domain}].tables`);
/** A preserved page of zeros. */
function spare(dump: BuiltDump): bigint {
  const at = dump.pages();
  dump.preserve(at);
  return at;
}
/** Vfio files of the devices of the sound state, by the places of the sessions that they are in. */
function vfio(
  list: readonly { readonly address: string; readonly session?: number; readonly token?: bigint }[],
  more: SessionSpec['files'] = [],
): readonly SessionSpec[] {
  return [0, 1].map((session) => ({
    name: `vmm${session}`,
    files: [
      ...list.flatMap(({ address, session: own = 0, token }, i) =>
        own === session
          ? [{ token: i + 1, vfio: { address, ...(token === undefined ? {} : { iommufd_token: token }) } }]
          : [],
      ),
      ...(session === 0 ? (more ?? []) : []),
    ],
  }));
}
const allVfio = BDFS.map((address) => ({ address }));

export const IOMMU_FAULTS: readonly Fault[] = [
  { rule: 'iommu/undecided', on: ['F1'], spec: plain, path: STATE },
  {
    rule: 'iommu/name',
    on: ['F2'],
    spec: (generation) => ({
      ...plain(generation),
      flbs: [{ name: 'iommu-liveupdate-v1', ...plain(generation).flbs?.[0] }],
    }),
    path: STATE,
  },
  {
    rule: 'iommu/version',
    on: ['F1', 'F2'],
    spec: plain,
    path: `${STATE}.root.version`,
    edit: (dump) => dump.u64(rootPage(dump), 2),
  },
  {
    rule: 'iommu/root',
    on: ALL,
    spec: plain,
    path: `${STATE}.root`,
    edit: (dump) => dump.preserve(rootPage(dump), 0, false),
  },
  {
    rule: 'iommu/array-none',
    on: ['A', 'F2'],
    spec: (generation) => stateSpec(generation, { domains: [{ name: 'a' }] }),
    path: `${STATE}.devices`,
    edit: (dump, generation) => dump.u64(devicesWord(dump, generation), 0),
  },
  {
    rule: 'iommu/page-unaligned',
    on: ALL,
    spec: plain,
    path: `${STATE}.devices`,
    edit: (dump, generation) => {
      const at = dump.copy(page(dump, 'devices'), 64);
      dump.preserve(at - 64n);
      dump.preserve(at - 64n + PAGE);
      dump.u64(devicesWord(dump, generation), at);
    },
  },
  {
    rule: 'iommu/page-not-preserved',
    on: ALL,
    spec: plain,
    path: `${STATE}.devices`,
    edit: (dump) => dump.preserve(page(dump, 'devices'), 0, false),
  },
  {
    rule: 'iommu/page-cycle',
    on: ALL,
    spec: full(1),
    path: `${STATE}.devices`,
    edit: (dump) => dump.u64(page(dump, 'devices'), page(dump, 'devices')),
  },
  {
    rule: 'iommu/page-shared',
    on: ALL,
    spec: full(1),
    path: `${STATE}.devices`,
    edit: (dump) => dump.u64(page(dump, 'devices'), page(dump, 'domains')),
  },
  {
    rule: 'iommu/page-count',
    on: named(({ walk }) => walk === 'counts'),
    spec: full(1),
    path: `${STATE}.devices`,
    edit: (dump) => dump.u64(page(dump, 'devices') + 8n, dump.word(page(dump, 'devices') + 8n) + 1n),
  },
  {
    rule: 'iommu/page-not-full',
    on: ['F2'],
    spec: (generation) => {
      const spec = full(1, 1)(generation);
      const state = spec.flbs?.[0]?.iommu as IommuSpec;
      const devices = (state.devices ?? []).map((each, i, { length }) =>
        i === length - 2 ? { ...each, deleted: true as const } : each,
      );
      return stateSpec(generation, { ...state, devices });
    },
    path: `${STATE}.devices`,
    edit: (dump, generation) => {
      const count = dump.word(page(dump, 'devices') + 8n) - 1n;
      dump.u64(page(dump, 'devices') + 8n, count);
      const { stride } = slotsOf(profile(generation), dump.built.abi).devices;
      dump.bytes(slot(dump, generation, 'devices', Number(count)), new Uint8Array(stride));
    },
  },
  {
    rule: 'iommu/total',
    on: TOTALS,
    spec: plain,
    path: `${STATE}.devices`,
    edit: (dump) => dump.u64(page(dump, 'devices') + 8n, 4),
  },
  {
    rule: 'iommu/idx',
    on: TOTALS,
    spec: plain,
    path: `${STATE}.devices[3]`,
    edit: (dump, generation) => put(dump, generation, 'devices', 3, 'idx', 9),
  },
  {
    rule: 'iommu/tail',
    on: ALL,
    spec: plain,
    path: `${STATE}.devices`,
    edit: (dump) => dump.u64(page(dump, 'devices') + PAGE - 8n, 1),
  },
  {
    rule: 'iommu/reserved',
    on: ['F1', 'F2'],
    spec: plain,
    path: `${STATE}.domains[1]`,
    edit: (dump, generation) => dump.bytes(slot(dump, generation, 'domains', 1) + 30n, Uint8Array.of(1)),
  },
  {
    rule: 'iommu/restored',
    on: ALL,
    spec: plain,
    path: `${STATE}.domains[1]`,
    edit: (dump, generation) => {
      put(dump, generation, 'domains', 1, 'restored', 0xffff888012345678n);
      put(
        dump,
        generation,
        'domains',
        1,
        'incoming',
        profile(generation).domain.roles.flags === undefined ? 1 : 2,
      );
    },
  },
  {
    rule: 'iommu/dangling',
    on: ALL,
    spec: plain,
    path: `${STATE}.devices[1]`,
    edit: (dump, generation) =>
      put(dump, generation, 'devices', 1, 'domain', slot(dump, generation, 'domains', 0) + 8n),
  },
  {
    rule: 'iommu/deleted-reference',
    on: EXACT,
    spec: plain,
    path: `${STATE}.devices[3]`,
    edit: (dump, generation) => put(dump, generation, 'domains', 2, 'flags', 1),
  },
  {
    rule: 'iommu/zombie',
    on: ZOMBIES,
    spec: plain,
    path: `${STATE}.iommus[0]`,
    edit: (dump, generation) => put(dump, generation, 'iommus', 0, 'ref_count', 2),
  },
  {
    rule: 'iommu/ref-zero',
    on: ALL,
    spec: plain,
    path: `${STATE}.domains[1]`,
    edit: (dump, generation) => put(dump, generation, 'domains', 1, 'ref_count', 0),
  },
  {
    rule: 'iommu/ref-count',
    on: ALL,
    spec: plain,
    path: `${STATE}.iommus[1]`,
    edit: (dump, generation) => put(dump, generation, 'iommus', 1, 'ref_count', 3),
  },
  {
    rule: 'iommu/ref-one',
    on: ALL,
    spec: plain,
    path: `${STATE}.devices[1]`,
    edit: (dump, generation) => put(dump, generation, 'devices', 1, 'ref_count', 2),
  },
  {
    rule: 'iommu/ats',
    on: ['F2'],
    spec: plain,
    path: `${STATE}.devices[2]`,
    edit: (dump, generation) => put(dump, generation, 'devices', 2, 'intel.ats_enabled', 2),
  },
  {
    rule: 'iommu/devid',
    on: ALL,
    spec: plain,
    path: `${STATE}.devices[2].devid`,
    edit: (dump, generation) => put(dump, generation, 'devices', 2, 'devid', 0x13b00),
  },
  {
    rule: 'iommu/device-duplicate',
    on: ALL,
    spec: plain,
    path: `${STATE}.devices[1]`,
    edit: (dump, generation) => put(dump, generation, 'devices', 1, 'devid', 0x3a08),
  },
  {
    rule: 'iommu/iommu-duplicate',
    on: ALL,
    spec: plain,
    path: `${STATE}.iommus[1]`,
    edit: (dump, generation) => {
      put(dump, generation, 'iommus', 1, 'token', 0xfed90000n);
      if (INTEL.includes(generation)) put(dump, generation, 'iommus', 1, 'intel.phys_addr', 0xfed90000n);
    },
  },
  {
    rule: 'iommu/iommu-token',
    on: INTEL,
    spec: plain,
    path: `${STATE}.iommus[1].token`,
    edit: (dump, generation) => put(dump, generation, 'iommus', 1, 'intel.phys_addr', 0xfed92000n),
  },
  {
    rule: 'iommu/iommu-type',
    on: ['E', 'F2'],
    spec: plain,
    path: `${STATE}.iommus[1].type`,
    edit: (dump, generation) => put(dump, generation, 'iommus', 1, 'type', 7),
  },
  {
    rule: 'iommu/domain-unused',
    on: ALL,
    spec: (generation) => {
      const state = sound();
      return stateSpec(generation, { ...state, domains: [...(state.domains ?? []), {}] });
    },
    path: `${STATE}.domains[3]`,
  },
  {
    rule: 'iommu/hwpt-domain',
    on: ALL,
    spec: (generation) =>
      stateSpec(generation, sound(), [
        {
          name: 'vmm',
          files: [
            {
              token: 1,
              iommufd: {
                hwpts: [
                  { token: 1, domain: 'a' },
                  { token: 2, domain: 'b' },
                ],
              },
            },
          ],
        },
      ]),
    path: 'entries.LUO.sessions[0].files[0].iommufd.hwpts[1].domain_data',
    edit: (dump, generation) =>
      dump.u64(
        dump.region('sessions[0].files[0].iommufd') + 8n + 24n,
        slot(dump, generation, 'domains', 1) + 8n,
      ),
  },
  {
    rule: 'iommu/id-reserved',
    on: ALL,
    spec: plain,
    path: `${STATE}.devices[2]`,
    edit: (dump, generation) => put(dump, generation, 'devices', 2, 'id', 1),
  },
  {
    rule: 'iommu/id-range',
    on: ALL,
    spec: plain,
    path: `${STATE}.devices[2]`,
    edit: (dump, generation) => put(dump, generation, 'devices', 2, 'id', 0x10043),
  },
  {
    rule: 'iommu/id-differs',
    on: ALL,
    spec: plain,
    path: `${STATE}.devices[1]`,
    edit: (dump, generation) => setId(dump, generation, 1, 0x50),
  },
  {
    rule: 'iommu/id-shared',
    on: ALL,
    spec: plain,
    path: `${STATE}.devices[2]`,
    edit: (dump, generation) => setId(dump, generation, 2, 2),
  },
  {
    rule: 'iommu/level',
    on: ALL,
    spec: plain,
    path: `${STATE}.domains[1]`,
    edit: (dump, generation) => put(dump, generation, 'domains', 1, 'top_level', 6),
  },
  {
    rule: 'iommu/top-table',
    on: ALL,
    spec: plain,
    path: `${STATE}.domains[1]`,
    edit: (dump, generation) => put(dump, generation, 'domains', 1, 'top_table', top(dump, 1) + 8n),
  },
  {
    rule: 'iommu/vasz',
    on: WIDTHS,
    spec: plain,
    path: `${STATE}.domains[1].vasz`,
    edit: (dump, generation) => put(dump, generation, 'domains', 1, 'vasz', 65),
  },
  {
    rule: 'iommu/undersized',
    on: WIDTHS,
    spec: plain,
    path: `${STATE}.domains[2]`,
    edit: (dump, generation) => put(dump, generation, 'domains', 2, 'vasz', 57),
  },
  {
    rule: 'iommu/sign-extend',
    on: ['C', 'D', 'F0'],
    spec: (generation) => stateSpec(generation, sound({ domains: [{}, { format: 'amdv1', vasz: 64 }] })),
    path: `${STATE}.domains[1].sign_extend`,
    edit: (dump, generation) => put(dump, generation, 'domains', 1, 'sign_extend', 1),
  },
  {
    rule: 'iommu/max-pasid',
    on: PASIDS,
    spec: plain,
    path: `${STATE}.devices[2]`,
    edit: (dump, generation) => {
      put(dump, generation, 'devices', 2, 'intel.pasid_table', top(dump, 0));
      put(dump, generation, 'devices', 2, 'intel.max_pasid', 1000);
    },
  },
  {
    rule: 'iommu/pasid-table',
    on: PASIDS,
    spec: plain,
    path: `${STATE}.devices[2]`,
    edit: (dump, generation) => put(dump, generation, 'devices', 2, 'intel.max_pasid', 0x8000),
  },
  {
    rule: 'iommu/pasid-beyond',
    on: ['B'],
    spec: scalable,
    path: `${STATE}.devices[0]`,
    edit: (dump) => dump.u64(directory(dump, 0) + 8n, spare(dump) | 1n),
  },
  {
    rule: 'iommu/owner-zero',
    on: OWNERS,
    spec: (generation) => stateSpec(generation, sound({ devices: { 2: { token: 0 } } })),
    path: `${STATE}.devices[2]`,
  },
  {
    rule: 'iommu/owner-pointer',
    on: OWNERS,
    spec: (generation) => stateSpec(generation, sound({ devices: { 2: { token: 0xffff888012345678n } } })),
    path: `${STATE}.devices[2]`,
  },
  {
    rule: 'iommu/owner-shared',
    on: ['F2'],
    spec: (generation) =>
      stateSpec(generation, sound(), vfio(BDFS.map((address, i) => ({ address, session: i === 4 ? 1 : 0 })))),
    path: `${STATE}.devices[4]`,
  },
  {
    rule: 'iommu/vfio-missing',
    on: ['F2'],
    spec: (generation) => stateSpec(generation, sound(), vfio(allVfio.slice(0, 4))),
    path: `${STATE}.devices[4]`,
  },
  {
    rule: 'iommu/iommu-missing',
    on: ['F2'],
    spec: (generation) =>
      stateSpec(
        generation,
        sound(),
        vfio([...allVfio, { address: '0000:50:00.0', token: 0x77n }], [{ token: 0x77, iommufd: {} }]),
      ),
    path: 'entries.LUO.sessions[0].files[5].vfio',
  },
  {
    rule: 'iommu/owner-cut',
    on: ['C'],
    spec: (generation) =>
      stateSpec(
        generation,
        sound({ devices: { 2: { token: 0x100000077n } } }),
        vfio(
          BDFS.map((address, i) => (i === 2 ? { address, token: 0x77n } : { address })),
          [{ token: 0x77, iommufd: {} }],
        ),
      ),
    path: 'entries.LUO.sessions[0].files[2].vfio.iommufd_ser.token',
    companions: [['vfio-pci/token-dangling', 'entries.LUO.sessions[0].files[2].vfio.iommufd_ser.token']],
    notAlone: 'a token that was cut names no file, or it is taken for that of another',
    edit: (dump) => {
      // The iommufd has the token of which the vfio file keeps the low half, and which names another.
      const at = dump.at('entries.LUO.sessions[0].files[5]');
      dump.u64(at + 56n, 0x200000099n);
    },
  },
  {
    rule: 'iommu/pci-missing',
    on: ['F2'],
    spec: (generation) => ({
      ...plain(generation),
      flbs: [
        ...(plain(generation).flbs ?? []),
        { pci: { devices: BDFS.slice(0, 4).map((address) => ({ address })) } },
      ],
    }),
    path: `${STATE}.devices[4]`,
  },
  {
    rule: 'iommu-hw/root-table',
    on: BITMAPS,
    spec: plain,
    path: `${STATE}.iommus[1]`,
    edit: (dump, generation) =>
      put(
        dump,
        generation,
        'iommus',
        1,
        'intel.root_table',
        dump.region(`${LABEL}.units[1].root_table`) + 8n,
      ),
  },
  {
    rule: 'iommu-hw/context-table',
    on: INTEL,
    spec: plain,
    path: `${STATE}.iommus[0]`,
    edit: (dump) => dump.preserve(context(dump, 2), 0, false),
  },
  {
    rule: 'iommu-hw/context',
    on: INTEL,
    spec: plain,
    path: `${STATE}.devices[2]`,
    edit: (dump) => dump.u64(context(dump, 2), 0),
  },
  {
    rule: 'iommu-hw/bitmap',
    on: BITMAPS,
    spec: plain,
    path: `${STATE}.iommus[1]`,
    edit: (dump, generation) => {
      const { offset } = place(dump, generation, 'iommus', 'intel.context_tables_bitmap');
      dump.u64(slot(dump, generation, 'iommus', 1) + BigInt(offset), 4);
    },
  },
  {
    rule: 'iommu-hw/pasid-table',
    on: PASIDS,
    spec: scalable,
    path: `${STATE}.devices[0].pasid_table`,
    edit: (dump, generation) => put(dump, generation, 'devices', 0, 'intel.pasid_table', directory(dump, 1)),
  },
  {
    rule: 'iommu-hw/pasid-size',
    on: PASIDS,
    spec: scalable,
    path: `${STATE}.devices[0].max_pasid`,
    edit: (dump, generation) => put(dump, generation, 'devices', 0, 'intel.max_pasid', 1 << 16),
  },
  {
    rule: 'iommu-hw/pasid-leaf',
    on: PASIDS,
    spec: scalable,
    path: `${STATE}.devices[0].pasids`,
    edit: (dump) => dump.preserve(dump.word(directory(dump, 0)) & ~0xfffn, 0, false),
  },
  {
    rule: 'iommu-hw/pasid-entry',
    on: PASIDS,
    spec: scalable,
    path: `${STATE}.devices[0]`,
    edit: (dump) => dump.u64(dump.word(directory(dump, 0)) & ~0xfffn, 0),
  },
  {
    rule: 'iommu-hw/translation-type',
    on: INTEL,
    spec: plain,
    path: `${STATE}.devices[2]`,
    edit: (dump) => dump.u64(context(dump, 2), (dump.word(context(dump, 2)) & ~0xcn) | 8n),
  },
  {
    rule: 'iommu-hw/top-table',
    on: INTEL,
    spec: plain,
    path: `${STATE}.devices[2]`,
    edit: (dump) => dump.u64(context(dump, 2), spare(dump) | 1n),
  },
  {
    rule: 'iommu-hw/levels',
    on: INTEL,
    spec: plain,
    path: `${STATE}.devices[2]`,
    edit: (dump) => dump.u64(context(dump, 2) + 8n, dump.word(context(dump, 2) + 8n) + 1n),
  },
  {
    rule: 'iommu-hw/did',
    on: INTEL,
    spec: plain,
    path: `${STATE}.devices[2]`,
    edit: (dump) => dump.u64(context(dump, 2) + 8n, dump.word(context(dump, 2) + 8n) + 0x4000n),
  },
  {
    rule: 'iommu-hw/reserved',
    on: INTEL,
    spec: plain,
    path: `${STATE}.iommus[0].contexts[2]`,
    edit: (dump) => dump.u64(context(dump, 2), dump.word(context(dump, 2)) | 0x10n),
  },
  {
    rule: 'iommu-hw/table-unpreserved',
    on: ALL,
    spec: mapped,
    path: `${STATE}.domains[0]`,
    edit: (dump) => dump.preserve(top(dump, 0) + PAGE, 0, false),
  },
  {
    rule: 'iommu-hw/table-absent',
    on: INTEL,
    spec: mapped,
    path: `${STATE}.domains[0]`,
    edit: (dump) => dump.u64(top(dump, 0) + 8n, 0x7ff_0000_0003n),
  },
  {
    rule: 'iommu-hw/table-loop',
    on: ALL,
    spec: mapped,
    path: `${STATE}.domains[0]`,
    edit: (dump) => dump.u64(top(dump, 0) + 8n, top(dump, 0) | 3n),
  },
  {
    rule: 'iommu-hw/entry-reserved',
    on: INTEL,
    spec: mapped,
    path: `${STATE}.domains[0]`,
    edit: (dump) => dump.u64(top(dump, 0) + 8n, 0x83n),
  },
  {
    rule: 'iommu-hw/entry-stale',
    on: INTEL,
    spec: mapped,
    path: `${STATE}.domains[0]`,
    edit: (dump) => dump.u64(top(dump, 0) + 8n, 0x400n),
  },
  {
    rule: 'iommu-hw/entry-unreachable',
    on: named((each) => INTEL.includes(each.name) && WIDTHS.includes(each.name)),
    spec: (generation) => stateSpec(generation, sound({ domains: [{}, { vasz: 48, top_level: 4 }] })),
    path: `${STATE}.domains[1]`,
    edit: (dump) => dump.u64(top(dump, 1) + 8n, spare(dump) | 3n),
  },
  {
    rule: 'iommu-hw/map-outside',
    on: INTEL,
    spec: (generation) =>
      stateSpec(generation, sound({ domains: [{ map: [{ iova: 0, size: 4096, phys: 0x7000_0000 }] }] })),
    path: `${STATE}.domains[0]`,
  },
];

/** The id of a device, and that of its context entry. */
function setId(dump: BuiltDump, generation: string, device: number, id: number): void {
  put(dump, generation, 'devices', device, 'id', id);
  if (!INTEL.includes(generation)) return;
  const at = context(dump, device) + 8n;
  dump.u64(at, (dump.word(at) & 0xffn) | (BigInt(id) << 8n));
}
