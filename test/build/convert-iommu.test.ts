/** The IOMMU's state in each layout from each other one: what is lost is told, and nothing else is. */
import { describe, expect, it } from 'vitest';
import { convertHandover, type HandoverSpec, specOf } from '../../src/build/index.js';
import type { IommuSpec, IommuUnitSpec } from '../../src/build/iommu/index.js';
import { keepsPasids } from '../../src/build/iommu/model.js';
import { IOMMU_PROFILES, type IommuProfile } from '../../src/formats/iommu/index.js';
import type { Handover } from '../../src/formats/kho/index.js';
import { isRecord } from '../../src/formats/kho/record.js';
import { type Facts, toldPaths, untold } from './convert-support.js';
import { iommuOf, opened, PAGE_SIZES, specWith } from './iommu/support.js';

const PREFIX = 'flbs[0].iommu.';
const MORE: HandoverSpec = {
  sessions: [
    {
      name: 'vm',
      files: [{ token: 1n, memfd: { folio_order: 4, contents: [{ fill: 'offsets', size: 1 << 21 }] } }],
    },
  ],
};

/** A state with all that a layout can say. */
function everything(profile: IommuProfile): IommuSpec {
  const { name, types, zombies, domain, device } = profile;
  const isCore = types.every((type) => type === 0);
  const smmu = types.includes(2);
  const width = domain.roles.vasz !== undefined;
  const units: IommuUnitSpec[] = [
    zombies ? { ref_count: 2 } : {},
    { phys_addr: 0xfeda0000n, ...(keepsPasids(profile) ? { mode: 'scalable' as const } : {}) },
    { ...(smmu ? { type: 'smmuv3' as const } : {}) },
    ...(zombies ? [{ deleted: true as const }, {}] : []),
    {},
  ];
  const first = isCore || keepsPasids(profile);
  const arm = isCore || smmu;
  return {
    profile: name,
    units,
    domains: [
      {
        name: 'guest',
        top_level: 3,
        ...(width ? { vasz: 39 } : {}),
        map: [
          { iova: 0x100000n, size: 0x80000n, file: 'vm/0x1', offset: 0x10000n },
          { iova: 0x400000n, size: 0x2000n, file: 'vm/0x1', offset: 0x3000n, write: false },
        ],
      },
      {
        name: 'first',
        ...(first ? { format: 'x86_64' as const } : {}),
        map: [
          { iova: 0x100000n, size: 0x80000n, file: 'vm/0x1' },
          ...(first ? [{ iova: 0xffffffff80000000n, size: 0x1000n, file: 'vm/0x1' }] : []),
        ],
      },
      {
        name: 'arm',
        ...(arm ? { format: 'armv8-s2' as const, map: [{ iova: 0n, size: 0x10000n, file: 'vm/0x1' }] } : {}),
      },
      {
        name: 'odd',
        ...(isCore ? { format: 'amdv1' as const, map: [{ iova: 0n, size: 0x10000n, file: 'vm/0x1' }] } : {}),
      },
      { name: 'gone', deleted: true, ref_count: 3 },
      { name: 'shared' },
    ],
    devices: [
      {
        bdf: '0000:3a:01.0',
        domain: 'guest',
        did: 77n,
        ...(device.roles.owner === undefined ? {} : { token: 0x100001001n }),
      },
      { bdf: '0000:3a:02.0', domain: 'guest', ...(name === 'F2' ? { ats: 'off' as const } : {}) },
      { bdf: '0000:3b:00.0', domain: 'shared', ...(device.roles.owner === undefined ? {} : { token: 0n }) },
      {
        bdf: '0001:3b:00.0',
        unit: 1,
        domain: 'first',
        ...(keepsPasids(profile) ? { max_pasid: 65536n } : {}),
      },
      {
        bdf: '0001:3b:80.0',
        unit: 1,
        domain: 'shared',
        ...(name === 'F2' ? { ats: 'supported' as const } : {}),
      },
      { bdf: '0002:00:01.0', unit: 2, domain: 'arm' },
      { bdf: '0003:00:01.0', unit: units.length - 1, domain: 'odd', ref_count: 2 },
      { bdf: '0000:3c:00.0', domain: 'gone', ...(zombies ? {} : { deleted: true as const }) },
      ...(zombies ? [{ bdf: '0000:3d:00.0', unit: 3 }] : []),
      { bdf: '0004:00:00.0', deleted: true as const },
      ...(zombies ? [{ bdf: '0006:00:00.0', unit: 4, domain: 'gone' }] : []),
      { bdf: '0005:00:00.0' },
    ].map((each) => (/^0001:3b:80/.test(each.bdf) ? { ...each, bdf: '0001:3b:10.0' } : each)),
  };
}

/** A layout without drivers, two devices of one number on one unit. */
const ALIASES: IommuSpec = { profile: 'D', devices: [{ bdf: '0000:01:00.0' }, { bdf: '0001:01:00.0' }] };

function at(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((each, name) => (isRecord(each) ? each[name] : undefined), value);
}
function whole(value: unknown): bigint | undefined {
  return typeof value === 'bigint'
    ? value
    : typeof value === 'number' || typeof value === 'boolean'
      ? BigInt(value)
      : undefined;
}

/** What a decoded state says, by what a conversion calls it; places are those of the source. */
function factsOf(handover: Handover, profile: IommuProfile, source: Handover): Facts {
  const facts = new Map<string, string>();
  const put = (path: string, value: unknown): void => {
    if (value !== undefined) facts.set(path, String(value));
  };
  const value = iommuOf(handover);
  const origin = iommuOf(source);
  const isTyped = profile.types.some((type) => type !== 0);
  if (profile.root.totals !== undefined) put('totals', true);
  const { iommu, domain, device } = profile;
  const unitPlace = value.iommus.map((unit) =>
    origin.iommus.findIndex((each) => at(each, 'token') === at(unit, 'token')),
  );
  for (const [i, unit] of value.iommus.entries()) {
    const path = `units[${unitPlace[i]}]`;
    const mine = value.devices.filter((each) => each.iommu === i && !each.deleted);
    put(`${path}.phys_addr`, at(unit, iommu.roles.token));
    if (isTyped) put(`${path}.type`, at(unit, iommu.roles.type));
    if (mine.some((each) => (whole(at(each, 'intel.pasid_table')) ?? 0n) !== 0n))
      put(`${path}.mode`, 'scalable');
    if (at(unit, iommu.roles.type) === 2n && (whole(at(unit, 'arm_smmu_v3.strtab_base')) ?? 0n) !== 0n)
      put(`${path}.strtab_base`, true);
    put(`${path}.deleted`, unit.deleted);
    // What follows from the devices is no fact of its own.
    const count = whole(at(unit, iommu.roles.ref_count));
    if (count !== BigInt(unit.deleted ? 0 : mine.length)) put(`${path}.ref_count`, count);
  }
  const described = specOf(handover).spec.flbs?.[0]?.iommu as IommuSpec | undefined;
  for (const [i, each] of value.domains.entries()) {
    const path = `domains[${i}]`;
    const { roles } = domain;
    put(`${path}.top_level`, whole(at(each, roles.top_level)));
    put(`${path}.ref_count`, at(each, roles.ref_count));
    put(`${path}.deleted`, each.deleted);
    put(`${path}.attach_count`, at(each, 'attach_count') === undefined ? undefined : true);
    if (roles.vasz !== undefined) put(`${path}.vasz`, whole(at(each, roles.vasz)));
    if (roles.sign_extend !== undefined) put(`${path}.sign_extend`, whole(at(each, roles.sign_extend)));
    const map = described?.domains?.[i]?.map ?? [];
    if (map.length > 0) put(`${path}.format`, each.tables?.format);
    for (const [j, { page: _, ...mapping }] of map.entries())
      put(
        `${path}.map[${j}]`,
        JSON.stringify(mapping, (_, word: unknown) =>
          typeof word === 'bigint' ? `0x${word.toString(16)}` : word,
        ),
      );
  }
  for (const [i, each] of value.devices.entries()) {
    const path = `devices[${origin.devices.findIndex(({ bdf }) => bdf === each.bdf)}]`;
    const { roles } = device;
    put(`${path}.bdf`, each.bdf);
    put(`${path}.unit`, each.iommu === null ? undefined : unitPlace[each.iommu]);
    put(`${path}.domain`, each.domain);
    put(`${path}.did`, whole(at(each, roles.id)));
    put(`${path}.deleted`, each.deleted);
    put(`${path}.ref_count`, at(each, roles.ref_count));
    if (roles.owner !== undefined) put(`${path}.token.${roles.owner}`, at(each, roles.owner));
    const enabled = whole(at(each, 'intel.ats_enabled'));
    if (enabled !== undefined) put(`${path}.ats`, `${enabled} ${at(each, 'intel.ats_supported')}`);
    const pasids = whole(at(each, 'intel.max_pasid')) ?? 0n;
    if (pasids !== 0n) put(`${path}.max_pasid`, pasids);
    expect(value.devices.findIndex(({ bdf }) => bdf === each.bdf)).toBe(i);
  }
  return facts;
}

function errors(handover: Handover): string[] {
  return handover.findings
    .filter(({ severity }) => severity === 'error')
    .map(({ rule, path, message }) => `${rule} ${path}: ${message}`);
}

function checkPair(iommu: IommuSpec, from: IommuProfile, to: IommuProfile): readonly string[] {
  const handover = opened(specWith(iommu, 4096, MORE), { forced: { iommu: from.name } });
  expect(errors(handover).join('\n')).toBe('');
  const { spec, dropped, supplied } = convertHandover(handover, { parts: { iommu: to.name } });
  const own = iommuOf(opened(spec));
  expect(own.candidates ?? [own.profile]).toContain(to.name);
  const there = opened(spec, { forced: { iommu: to.name } });
  expect(errors(there).join('\n')).toBe('');
  const told = dropped.filter((text) => text.startsWith(PREFIX));
  expect(
    untold(
      factsOf(handover, from, handover),
      factsOf(there, to, handover),
      toldPaths(told, PREFIX),
      toldPaths(supplied, PREFIX),
    ).join('\n'),
  ).toBe('');
  return told;
}

describe.each(IOMMU_PROFILES.map((profile) => [profile.name, profile] as const))('from %s', (_, from) => {
  it.each(IOMMU_PROFILES.map((profile) => [profile.name, profile] as const))('to %s', (_, to) => {
    const told = checkPair(everything(from), from, to);
    if (from === to) expect(told).toEqual([]);
  });
});

it('units that tell no segments apart have one of two devices', () => {
  const [from, to] = ['D', 'F2'].map((name) => IOMMU_PROFILES.find((profile) => profile.name === name));
  if (from === undefined || to === undefined) throw new Error('no such layout');
  expect(checkPair(ALIASES, from, to)).toContainEqual(
    expect.stringMatching(/^flbs\[0\]\.iommu\.devices\[1\]: .* segments/),
  );
});

it.each(PAGE_SIZES)(
  'from and to pages of %d bytes: mappings are the same, tables stay those of the hardware',
  (from) => {
    const source = opened(specWith(everything(IOMMU_PROFILES[10] ?? raise()), from, MORE), {
      forced: { iommu: 'F1+S' },
    });
    for (const pageSize of PAGE_SIZES) {
      const { spec, dropped } = convertHandover(source, { pageSize, abi: 'aarch64' });
      const there = opened(spec, { forced: { iommu: 'F1+S' } });
      expect(errors(there).join('\n')).toBe('');
      expect(dropped.filter((text) => text.startsWith(PREFIX))).toEqual([]);
      const facts = factsOf(source, IOMMU_PROFILES[10] ?? raise(), source);
      expect(factsOf(there, IOMMU_PROFILES[10] ?? raise(), source)).toEqual(facts);
    }
  },
);
function raise(): never {
  throw new Error('no such layout');
}
