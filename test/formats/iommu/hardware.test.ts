/** What devices reach: from the state through the tables of the hardware to page tables and guest memory. */
import { describe, expect, it } from 'vitest';
import { jsonOf } from '../../../src/formats/kho/index.js';
import { MAY_READ, MAY_WRITE, type TableFormat, writeTables } from '../../../src/formats/pgtable/index.js';
import { type BuiltIommu, buildIommu, type IommuSpec, machine } from './builder.js';
import { broken, iommuOf, opened } from './support.js';

const PAGE = 4096;
const MIB = 1 << 20;
const TABLES = 0x20000000;
const GUEST = 0x40000000;
/** Frames of page tables, and of guest memory: a file of 2 MiB is one preserved block of order 9. */
const TABLE_PAGES = 16;
const blocks: [number, number][] = [
  ...Array.from({ length: TABLE_PAGES }, (_, i): [number, number] => [TABLES / PAGE + i, 0]),
  [GUEST / PAGE, 9],
];

function spec(profile: string, more: Partial<IommuSpec> = {}): IommuSpec {
  return {
    profile,
    pageSize: PAGE,
    units: [{}],
    domains: [{ level: 3, vasz: 48, sign: more.scalable === 'first' ? 1 : 0 }],
    devices: [
      { devid: 0x3a08, domain: 0, unit: 0, id: 0x42, ats: true },
      { devid: 0x3a10, domain: 0, unit: 0, id: 0x42, ats: true },
    ],
    ...more,
  };
}
/** Maps memory, with the topmost table where the domain has it. */
function map(
  { memory, tops }: BuiltIommu,
  format: TableFormat,
  mappings: readonly { iova: bigint; phys: bigint; size: bigint }[],
  signExtend = false,
): void {
  const [top] = tops;
  if (top === undefined) throw new Error('no domain');
  let next = TABLES;
  let first = true;
  const { pages } = writeTables(
    { format, level: 3, vasz: 48, signExtend },
    mappings.map((each) => ({ ...each, permissions: MAY_READ | MAY_WRITE })),
    () => {
      if (first) {
        first = false;
        return BigInt(top);
      }
      next += PAGE;
      return BigInt(next - PAGE);
    },
  );
  for (const { address, bytes } of pages) memory.bytes(Number(address), bytes);
}

/** All table pages are used, so that none is left without an owner. */
const SOME = [
  { iova: 0n, phys: BigInt(GUEST), size: BigInt(MIB) },
  { iova: 0x40000000n, phys: BigInt(GUEST + MIB), size: 0x3000n },
];

describe.each(['A', 'B', 'D+I', 'E', 'F1', 'F2'])('%s', (profile) => {
  it('legacy mode: second-stage tables of the context entry', () => {
    const built = buildIommu(spec(profile), { blocks });
    map(built, 'vtdss', SOME);
    const handover = opened(built, { forced: { iommu: profile } });
    expect(broken(handover)).toEqual([]);
    const { domains, devices } = iommuOf(handover);
    const tables = domains[0]?.tables;
    expect(tables).toMatchObject({
      format: 'vtdss',
      confidence: 1,
      bytes: BigInt(MIB) + 0x3000n,
      preserved: true,
      complete: true,
    });
    expect(
      jsonOf([...(tables?.mappings ?? [])].map(({ iova, phys, size }) => ({ iova, phys, size }))),
    ).toEqual(jsonOf(SOME));
    expect(devices.map(({ reach }) => [reach?.kind, reach?.bytes])).toEqual([
      ['second-stage', BigInt(MIB) + 0x3000n],
      ['second-stage', BigInt(MIB) + 0x3000n],
    ]);
  });
  if (profile === 'A') return;
  it('scalable mode: first-stage tables of the PASID entry', () => {
    const built = buildIommu(spec(profile, { scalable: 'first' }), { blocks });
    map(built, 'x86_64', SOME, true);
    const handover = opened(built, { forced: { iommu: profile } });
    expect(broken(handover)).toEqual([]);
    const { domains, devices } = iommuOf(handover);
    expect(domains[0]?.tables).toMatchObject({
      format: 'x86_64',
      confidence: 1,
      bytes: BigInt(MIB) + 0x3000n,
    });
    expect(devices[0]?.reach).toMatchObject({ kind: 'first-stage' });
  });
});

describe('what is wrong with mappings is found', () => {
  const file = { token: 1n, size: 2 * MIB, folios: [] };
  it('one that leads to memory that is not preserved', () => {
    const built = buildIommu(spec('F2'), { blocks });
    map(built, 'vtdss', [...SOME, { iova: 0x80000000n, phys: BigInt(GUEST + 2 * MIB), size: 0x1000n }]);
    const handover = opened(built);
    expect(broken(handover)).toEqual(['iommu-hw/map-outside']);
    expect(iommuOf(handover).domains[0]?.tables?.preserved).toBe(false);
  });
  it('one that leads to preserved memory of something else than a file', () => {
    const built = buildIommu(spec('F2'), {
      blocks,
      sessions: [{ name: 'vmm', files: [{ ...file, folios: [{ index: 0, order: 9, fill: 'guest' }] }] }],
    });
    map(built, 'vtdss', SOME);
    expect(broken(opened(built))).toEqual(['iommu-hw/map-outside']);
  });
  it('none where all of it is memory of a memfd', () => {
    const built = buildIommu(spec('F2'), {
      sessions: [{ name: 'vmm', files: [{ ...file, folios: [{ index: 0, order: 9, fill: 'guest' }] }] }],
      blocks: blocks.slice(0, TABLE_PAGES),
    });
    const folio = built.blocks.find(([, order]) => order === 9)?.[0] ?? 0;
    map(built, 'vtdss', [{ iova: 0n, phys: BigInt(folio * PAGE), size: BigInt(2 * MIB) }]);
    expect(broken(opened(built))).toEqual([]);
  });
  it('a table that is not preserved', () => {
    const built = buildIommu(spec('F2'), { blocks: blocks.filter(([pfn]) => pfn !== TABLES / PAGE) });
    map(built, 'vtdss', SOME);
    expect(broken(opened(built))).toEqual(['iommu-hw/table-unpreserved']);
  });
  it('a loop', () => {
    const built = buildIommu(spec('F2'), { blocks });
    const [top = 0] = built.tops;
    built.memory.u64(top + 8, top + 3);
    expect(broken(opened(built))).toEqual(['iommu-hw/table-loop']);
  });
  it('an id, a root and a bitmap that are not those of the hardware', () => {
    const cases: [string, (built: BuiltIommu) => void][] = [
      [
        'iommu-hw/did',
        ({ memory, contextTables }) => memory.u64((contextTables[0] ?? 0) + 16 * 8 + 8, 2 + 0x77 * 256),
      ],
      [
        'iommu-hw/top-table',
        ({ memory, contextTables }) => memory.u64((contextTables[0] ?? 0) + 16 * 8, TABLES + 1),
      ],
      ['iommu-hw/context', ({ memory, contextTables }) => memory.u64((contextTables[0] ?? 0) + 16 * 8, 0)],
      ['iommu-hw/bitmap', ({ memory, units }) => memory.u64((units[0] ?? 0) + 48, 1)],
    ];
    for (const [rule, patch] of cases) {
      const built = buildIommu(spec('F2'), { blocks });
      patch(built);
      expect(broken(opened(built))).toContain(rule);
    }
  });
});

it('a full machine in scalable mode is sound', () => {
  const built = buildIommu({
    ...machine('F2', PAGE, 256),
    units: Array.from({ length: 8 }, () => ({})),
    devices: machine('F2', PAGE, 256).devices.map((device, i) => ({ ...device, unit: i % 8 })),
    scalable: 'second',
  });
  const handover = opened(built);
  const value = iommuOf(handover);
  expect([value.iommus.length, value.domains.length, value.devices.length]).toEqual([8, 64, 256]);
  expect(broken(handover)).toEqual([]);
});

it('two domains with one table are walked once, and told', () => {
  const built = buildIommu(
    { ...spec('F2'), domains: [{}, {}], devices: [{ devid: 0x3a08, domain: 0, unit: 0, id: 2, ats: true }] },
    { blocks },
  );
  const [, second = 0] = built.domains;
  built.memory.u64(second + 8, built.tops[0] ?? 0);
  map(built, 'vtdss', SOME);
  const handover = opened(built);
  expect(broken(handover)).toEqual(['iommu/domain-unused', 'kho/shared']);
  const { domains } = iommuOf(handover);
  expect(domains[1]?.tables).toBe(domains[0]?.tables);
});
