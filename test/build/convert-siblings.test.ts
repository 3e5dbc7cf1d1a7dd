/** PCI devices, VFIO files and iommufds in each of their layouts from each other one. */
import { describe, expect, it } from 'vitest';
import { summed } from '../../src/build/handover/told.js';
import {
  convertHandover,
  type FileSpec,
  type HandoverSpec,
  IOMMUFD_BUILDS,
  PCI_BUILDS,
  type PciSpec,
  VFIO_BUILDS,
  type VfioSpec,
} from '../../src/build/index.js';
import type { Handover } from '../../src/formats/kho/index.js';
import { isRecord } from '../../src/formats/kho/record.js';
import { filesOf, flbsOf } from '../../src/formats/luo/parts.js';
import { PCI_PROFILES, type PciValue } from '../../src/formats/pci/index.js';
import { VFIO_PROFILES } from '../../src/formats/vfio-pci/index.js';
import { type Facts, toldPaths, untold } from './convert-support.js';
import { opened } from './siblings/support.js';

const text = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'bigint'
      ? `0x${each.toString(16)}`
      : each instanceof Uint8Array
        ? Buffer.from(each).toString('hex')
        : each,
  );
function errors(handover: Handover): string {
  return handover.findings
    .filter(({ severity }) => severity === 'error')
    .map(({ rule, path, message }) => `${rule} ${path}: ${message}`)
    .join('\n');
}
/** The sentences about a part; others are about what no spec says. */
function about(texts: readonly string[], prefix: string): readonly string[] {
  return toldPaths(
    texts.filter((each) => each.startsWith(prefix)),
    prefix,
  );
}

function pciSpec(layout: (typeof PCI_BUILDS)[number]): PciSpec {
  const profile = PCI_PROFILES.find(({ name }) => name === layout);
  if (profile === undefined) throw new Error('no such layout');
  if (profile.list === 'open')
    return {
      layout,
      rfc_devices: [
        { path: 1, driver_data: 5n, ...(layout === 'rfc-named' ? { driver_name: 'vfio-pci' } : {}) },
        ...(layout === 'rfc-named' ? [{ path: 0, driver_name: 'nameless' }] : []),
      ],
    };
  return {
    layout,
    devices: [
      {
        address: '0000:00:01.0',
        ...(profile.refcount === 'below'
          ? { refcount: 2 }
          : profile.refcount === 'reserved'
            ? { refcount: 1 }
            : {}),
      },
      '0000:3a:01.0',
      ...(profile.entry === 8 ? ['10000:3a:01.0'] : []),
    ],
    ...(profile.max === 0 ? {} : { max_nr_devices: 9 }),
  };
}
function kindOf({ profile }: PciValue): string | undefined {
  return PCI_PROFILES.find(({ name }) => name === profile)?.refcount;
}
function pciFacts(handover: Handover, source?: PciValue): Facts {
  const facts = new Map<string, string>();
  const [found] = flbsOf(handover.value.entries, 'pci');
  // What the decoder of the PCI core's data gives under this key.
  const value = found?.value as PciValue;
  const profile = PCI_PROFILES.find(({ name }) => name === value.profile);
  const counts = profile?.refcount === 'used' || profile?.refcount === 'below';
  for (const [i, { address, refcount = 0 }] of value.devices.entries()) {
    // Entries of the RFC are in another list.
    if (value.rfc_devices !== undefined) break;
    const place =
      source?.rfc_devices === undefined
        ? (source?.devices.findIndex((each) => each.address === address) ?? i)
        : i;
    facts.set(`devices[${place}].address`, address);
    if (counts || refcount > 0) facts.set(`devices[${place}].refcount.used`, 'true');
    // One device, itself, is what a device in use counts; where it was not counted, that is new.
    const isNew = profile?.refcount === 'below' && source !== undefined && kindOf(source) !== 'below';
    if (refcount > 1 || isNew) facts.set(`devices[${place}].refcount.below`, String(refcount));
  }
  if (value.max_nr_devices !== undefined && value.max_nr_devices !== BigInt(value.devices.length))
    facts.set('max_nr_devices', String(value.max_nr_devices));
  for (const [i, { path, flags, driver_data, driver_name }] of (value.rfc_devices ?? []).entries()) {
    facts.set(`rfc_devices[${i}].entry`, text([path, flags, driver_data]));
    if (driver_name !== undefined && driver_name !== '')
      facts.set(`rfc_devices[${i}].driver_name`, driver_name);
  }
  return facts;
}
const PCI_FILES: readonly FileSpec[] = [{ token: 1, vfio: { address: '0000:05:00.0' } }];

describe.each(PCI_BUILDS)('pci from %s', (from) => {
  it.each(PCI_BUILDS)('to %s', (to) => {
    const handover = opened(
      { sessions: [{ name: 's', files: PCI_FILES }], flbs: [{ pci: pciSpec(from) }] },
      { forced: { pci: from } },
    );
    expect(errors(handover)).toBe('');
    const { spec, dropped, supplied } = convertHandover(handover, { parts: { pci: to } });
    const there = opened(spec, { forced: { pci: to } });
    expect(errors(there)).toBe('');
    const source = flbsOf(handover.value.entries, 'pci')[0]?.value as PciValue;
    const prefix = 'flbs[0].pci.';
    expect(
      untold(
        pciFacts(handover),
        pciFacts(there, source),
        about(dropped, prefix),
        about(supplied, prefix),
      ).join('\n'),
    ).toBe('');
    if (from === to) expect([...about(dropped, prefix), ...supplied]).toEqual([]);
    // Left alone, it is the layout that was asked for, or one with the same bytes.
    if (to.startsWith('rfc')) return;
    const own = flbsOf(opened(spec).value.entries, 'pci')[0]?.value as PciValue & {
      candidates?: readonly string[];
    };
    expect(own.candidates ?? [own.profile]).toContain(to);
  });
});

function vfioSpec(layout: (typeof VFIO_BUILDS)[number], address: string, reset: boolean): VfioSpec {
  const profile = VFIO_PROFILES.find(({ name }) => name === layout);
  return {
    layout,
    address,
    ...(profile?.reset === undefined || reset ? {} : { reset_works: false }),
    ...(profile?.token === undefined ? {} : { iommufd_token: 7n }),
    ...(layout === 'rfc-config'
      ? { config: { vconfig: 'abc', saved_state: { caps: [{ cap_nr: 5, hex: '0102' }] } } }
      : {}),
  };
}
function vfioFacts(handover: Handover): Facts {
  const facts = new Map<string, string>();
  for (const { token, file } of filesOf(handover.value.entries)) {
    const { vfio } = file;
    if (!isRecord(vfio)) continue;
    const at = `sessions[0].files[${token}].vfio`;
    facts.set(`${at}.address`, String(vfio.address));
    if (vfio.reset_works !== undefined) facts.set(`${at}.reset_works`, String(vfio.reset_works));
    if (isRecord(vfio.iommufd_ser)) facts.set(`${at}.iommufd_token`, String(vfio.iommufd_ser.token));
    const { cfg_size, vconfig, rbar, pci_config_map } = vfio;
    if (cfg_size !== undefined) facts.set(`${at}.config`, text([cfg_size, vconfig, rbar, pci_config_map]));
  }
  return facts;
}

describe.each(VFIO_BUILDS)('vfio-pci from %s', (from) => {
  it.each(VFIO_BUILDS)('to %s', (to) => {
    const addresses = ['0000:3a:01.0'];
    if (!from.startsWith('rfc')) addresses.push('0001:3a:01.0');
    if (from.startsWith('v2')) addresses.push('10000:3a:01.0');
    const source: HandoverSpec = {
      sessions: [
        {
          name: 's',
          // Tokens are places, so that facts are of the same file.
          files: [
            ...addresses.map(
              (address, i): FileSpec => ({
                token: i,
                ...(from.startsWith('v1') ? { compatible: 'vfio-pci-v1' } : {}),
                vfio: vfioSpec(from, address, i > 0),
              }),
            ),
            { token: 7, iommufd: {} },
          ],
        },
      ],
      flbs: [{ pci: {} }],
    };
    const handover = opened(source, { forced: { 'vfio-pci': from } });
    expect(errors(handover)).toBe('');
    const { spec, dropped, supplied } = convertHandover(handover, { parts: { 'vfio-pci': to } });
    const there = opened(spec, { forced: { 'vfio-pci': to } });
    expect(errors(there)).toBe('');
    expect(
      untold(
        vfioFacts(handover),
        vfioFacts(there),
        // A file that has no place is told by its address.
        about(dropped, '').map((each) => each.replace(/(files\[(\d+)\]\.vfio)\.address$/, '$1')),
        about(supplied, ''),
      ).join('\n'),
    ).toBe('');
    // What the PCI core preserves does not depend on files that have no place.
    expect(pciFacts(there)).toEqual(pciFacts(handover));
  });
});

function iommufdSpec(layout: (typeof IOMMUFD_BUILDS)[number]): Readonly<Record<string, unknown>> {
  if (layout === 'R1') return { layout, folio: { contents: 'kept' } };
  return {
    layout,
    hwpts: [
      { token: 3n, domain: 'a' },
      { token: layout === 'C' ? 1n << 32n : 4n, domain: 'b' },
    ],
  };
}
function iommufdFacts(handover: Handover): Facts {
  const facts = new Map<string, string>();
  const iommu = flbsOf(handover.value.entries, 'iommu')[0]?.value;
  const domains: readonly unknown[] = isRecord(iommu) && Array.isArray(iommu.domains) ? iommu.domains : [];
  for (const { file } of filesOf(handover.value.entries)) {
    const { iommufd } = file;
    if (!isRecord(iommufd)) continue;
    const { hwpts, folio } = iommufd;
    if (typeof folio === 'bigint' && folio !== 0n) facts.set('folio', 'kept');
    const list: readonly unknown[] = Array.isArray(hwpts) ? hwpts : [];
    for (const [i, hwpt] of list.entries())
      if (isRecord(hwpt))
        facts.set(
          `hwpts[${i}].token`,
          `${hwpt.token} ${domains.findIndex((domain) => isRecord(domain) && domain.address === hwpt.domain_data)}`,
        );
  }
  return facts;
}
const DOMAINS = [{ iommu: { domains: [{ name: 'a' }, { name: 'b' }] } }];

describe.each(IOMMUFD_BUILDS)('iommufd from %s', (from) => {
  it.each(IOMMUFD_BUILDS)('to %s', (to) => {
    const handover = opened(
      { sessions: [{ name: 's', files: [{ token: 1, iommufd: iommufdSpec(from) }] }], flbs: DOMAINS },
      { forced: { iommufd: from } },
    );
    const { spec, dropped, supplied } = convertHandover(handover, { parts: { iommufd: to } });
    const there = opened(spec, { forced: { iommufd: to } });
    expect(errors(there)).toBe('');
    const prefix = 'sessions[0].files[0].iommufd.';
    expect(
      untold(
        iommufdFacts(handover),
        iommufdFacts(there),
        about(dropped, prefix),
        about(supplied, prefix),
      ).join('\n'),
    ).toBe('');
  });
});

describe('kernels that lack what is there', () => {
  const handover = opened({
    sessions: [
      {
        name: 's',
        files: [
          { token: 1, iommufd: iommufdSpec('C') },
          { token: 2, vfio: { address: '3a:01.0', iommufd_token: 1 } },
        ],
      },
    ],
    flbs: [...DOMAINS, { pci: {} }],
  });
  it('without FLBs, page tables have no domains', () => {
    const { spec, dropped } = convertHandover(handover, { kernel: '6.19', parts: { iommu: 'E' } });
    expect(dropped).toEqual([
      '2 FLBs: Linux 6.19 has none',
      'kexec-metadata: Linux 6.19 has none',
      'sessions[0].files[0].iommufd.hwpts[0]: its domain "domain0" is not handed over; its token was 0x3',
      'sessions[0].files[0].iommufd.hwpts[1]: its domain "domain1" is not handed over; its token was 0x100000000',
    ]);
    expect(errors(opened(spec))).toBe('');
  });
  it('without sessions', () => {
    const { spec, dropped } = convertHandover(handover, { kernel: '6.17' });
    expect(dropped).toContain('1 session: Linux 6.17 has no LUO');
    expect(dropped).toContain('2 FLBs: Linux 6.17 has none');
    expect(errors(opened(spec))).toBe('');
  });
  it('several parts at once', () => {
    const { spec, dropped } = convertHandover(handover, {
      luo: 'v3',
      parts: { iommu: 'b', iommufd: 'B', 'vfio-pci': 'v1-iommufd', pci: 'v2' },
    });
    expect(dropped.some((each) => each.includes('hwpts[1]: tokens of the layout B have 32 bits'))).toBe(true);
    const there = opened(spec);
    expect(errors(there)).toBe('');
    expect(
      spec.flbs
        ?.map(({ iommu, pci }) => (iommu ?? pci) as { layout?: string; profile?: string })
        .map(({ layout, profile }) => layout ?? profile),
    ).toEqual(['B', 'v2']);
  });
  it.each([
    [{ iommu: 'G' }, /has no layout "G"/],
    [{ pci: 'accepted-v3' }, /did you mean accepted-v2\?|did you mean accepted-v1\?/],
    [{ eventfd: 'v1' }, /no part that can be converted; kho, luo, memfd, vfio-pci, iommufd, iommu, pci are/],
  ])('%j is none', (parts, message) => {
    expect(() => convertHandover(handover, { parts })).toThrow(message);
  });
  it('a part that the state lacks', () => {
    expect(() => convertHandover(opened({}), { parts: { iommu: 'E' } })).toThrow(
      'the state has no part iommu',
    );
  });
});

it('sentences of elements that follow each other are one', () => {
  expect(summed(['a[0].b: c', 'x', 'a[1].b: c', 'a[3].b: c', 'a[4].b: d', 'x[2]: y'])).toEqual([
    'a[0..1, 3].b: c',
    'x',
    'a[4].b: d',
    'x[2]: y',
  ]);
});
