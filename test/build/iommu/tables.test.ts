/** Page tables of built domains: random mappings in each format, large ones in little memory, a full machine. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildHandover, contentsOfBuilt, type HandoverSpec, specOf } from '../../../src/build/index.js';
import type { IommuMappingSpec, IommuSpec } from '../../../src/build/iommu/index.js';
import { pageSizes } from '../../../src/build/iommu/segments.js';
import { shapeOf } from '../../../src/build/iommu/shape.js';
import { TableTree } from '../../../src/build/iommu/table-tree.js';
import { TABLE_FORMATS, type TableFormat, writeTables } from '../../../src/formats/pgtable/index.js';
import { writeMemory } from '../../../src/memory/index.js';
import { fullMachine, iommuOf, opened, problems, specWith } from './support.js';

const MIB = 1n << 20n;
const GIB = 1n << 30n;

/** A layout without drivers, where all formats are possible. */
function core(format: TableFormat, map: readonly IommuMappingSpec[], more: object = {}): IommuSpec {
  return {
    profile: 'F0',
    domains: [{ name: 'domain0', ...(format === 'vtdss' ? {} : { format }), ...more, map }],
    devices: [{ bdf: '0000:01:00.0', domain: 'domain0' }],
  };
}

interface Mapped {
  readonly slot: number;
  readonly at: number;
  readonly frames: number;
  readonly phys: number;
}
/** Disjoint mappings in slots of 8 GiB, some with pages of each size; numbers are of frames of 4 KiB. */
const mapped = fc.uniqueArray(
  fc.record({
    slot: fc.integer({ min: 0, max: 1000 }),
    at: fc.oneof(fc.constantFrom(0, 512, 1 << 18), fc.integer({ min: 0, max: (1 << 18) - 1 })),
    frames: fc.oneof(
      { weight: 15, arbitrary: fc.integer({ min: 1, max: 1200 }) },
      { weight: 1, arbitrary: fc.constantFrom(1 << 18, (1 << 18) + 513) },
    ),
    phys: fc.oneof(fc.constantFrom(0, 512, 1 << 18), fc.integer({ min: 0, max: 1023 })),
  }),
  { selector: ({ slot }) => slot, maxLength: 12 },
);
const SLOT = 1 << 21;
const PAGE = 4096n;

/** Writes tables whole, from the lowest address on: each table then comes before those below it. */
describe.each(TABLE_FORMATS)('%s', (format) => {
  it('tables that are made one by one are those that are written together', () => {
    fc.assert(
      fc.property(mapped, fc.constantFrom(1, 512, 1 << 18), (list: readonly Mapped[], aligned) => {
        const shape = shapeOf(format, {}, format === 'x86_64');
        if (shape === undefined) throw new Error('no shape');
        const pieces = [...list]
          .sort((a, b) => a.slot - b.slot)
          .map(({ slot, at, frames, phys }, i) => {
            const target = (1 + i) * SLOT + phys;
            return {
              at: slot * SLOT + at,
              frames,
              permissions: 3,
              phys: () => BigInt(target) * PAGE,
              rest: target % aligned,
              aligned,
            };
          });
        const base = 1n << 40n;
        let next = base;
        const { pages } = writeTables(
          { ...shape, granule: 4096 },
          pieces.map(({ at, frames, phys }) => ({
            // The lower half only, so that addresses need no sign.
            iova: BigInt(at) * PAGE,
            size: BigInt(frames) * PAGE,
            phys: phys(),
            ...(pageSizes(shape).some((size) => size.frames === aligned)
              ? { largestPage: BigInt(aligned) * PAGE }
              : { largestPage: 2n * MIB }),
          })),
          () => {
            next += PAGE;
            return next - PAGE;
          },
        );
        const tree = new TableTree(shape, pieces);
        expect(tree.tables).toBe(pages.length);
        const made = new Uint8Array(4096);
        // All of a small tree, and some of a large one.
        const step = Math.max(1, Math.floor(pages.length / 50));
        for (let i = 0; i < pages.length; i += step) {
          const written = pages[i];
          made.fill(0);
          tree.write(i, made, (number) => base + BigInt(number) * PAGE);
          const whole = new Uint8Array(4096);
          whole.set(written?.bytes ?? []);
          if (Buffer.compare(made, whole) !== 0) expect.fail(`table ${i} of ${pages.length} differs`);
        }
      }),
      { numRuns: 12 },
    );
  });
});

it('addresses of both halves, the last page, and a table that is larger than needed', () => {
  const top = 1n << 64n;
  const cases: [TableFormat, object, IommuMappingSpec[]][] = [
    [
      'x86_64',
      {},
      [
        { iova: 0n, size: 4096n, phys: GIB },
        { iova: (1n << 47n) - 2n * MIB, size: 2n * MIB, phys: 2n * GIB },
        { iova: top - (1n << 47n), size: GIB, phys: 3n * GIB },
        { iova: top - 4096n, size: 4096n, phys: 5n * GIB },
      ],
    ],
    ['vtdss', { vasz: 48, top_level: 4 }, [{ iova: (1n << 48n) - 4096n, size: 4096n, phys: GIB }]],
    ['amdv1', { vasz: 64 }, [{ iova: top - GIB, size: GIB, phys: GIB }]],
  ];
  for (const [format, more, map] of cases) {
    const handover = opened(specWith(core(format, map, more)), { forced: { iommu: 'F0' } });
    const [domain] = iommuOf(handover).domains;
    expect(domain?.tables?.format).toBe(format);
    expect(
      [...(domain?.tables?.mappings ?? [])].map(({ iova, size, phys }) => ({ iova, size, phys })),
    ).toEqual(map);
  }
});

it('64 GiB in pages of 4 KiB are built without holding their tables', () => {
  const spec: HandoverSpec = specWith(
    {
      domains: [{ name: 'domain0', map: [{ iova: 0n, size: 64n * GIB, file: 'vm/0x1', page: 4096n }] }],
      devices: [{ bdf: '0000:01:00.0', domain: 'domain0' }],
    },
    4096,
    {
      sessions: [
        {
          name: 'vm',
          files: [{ token: 1, memfd: { folio_order: 18, contents: [{ absent: true, size: 64n * GIB }] } }],
        },
      ],
    },
  );
  const before = process.memoryUsage().arrayBuffers;
  const built = buildHandover(spec);
  const tables = built.regions.find(({ label }) => label === 'flbs[0].iommu.domains[0].tables');
  expect(tables?.pages).toBe(1 + 1 + 64 + 64 * 512);
  expect(tables?.isWritten).toBe(false);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 << 20);
  // The last gigabyte has its table behind all others but its own leaves.
  const segment = built.segments.find(({ address }) => address === tables?.address);
  const { content } = segment ?? {};
  if (content === undefined || content instanceof Uint8Array || tables === undefined)
    throw new Error('the tables are not lazy');
  const page = new Uint8Array(4096);
  const word = (number: number, index: number): bigint => {
    content.read(BigInt(number * 4096), page);
    return new DataView(page.buffer).getBigUint64(8 * index, true);
  };
  const number = (address: bigint): number => Number((address & ~0xfffn) - tables.address) / 4096;
  const second = number(word(0, 0));
  const leaves = number(word(second, 63));
  expect([second, leaves]).toEqual([1, 2 + 63 * 513]);
  const leaf = number(word(leaves, 511));
  expect(leaf).toBe(tables.pages - 1);
  const folios = built.regions.find(({ label }) => label.endsWith('.memfd.contents'));
  expect(word(leaf, 511)).toBe((folios?.address ?? 0n) + 64n * GIB - 4096n + 3n);
});

it('a domain whose tables are made while they are written is what it would be', () => {
  const handover = opened(
    specWith(core('vtdss', [{ iova: GIB - 4096n, size: 2n * GIB, phys: 64n * GIB, page: 4096n }])),
    { forced: { iommu: 'F0' } },
  );
  const [domain] = iommuOf(handover).domains;
  expect(domain?.tables?.sizes).toEqual([{ size: 4096n, entries: 2 * 2 ** 18 }]);
  expect([...(domain?.tables?.mappings ?? [])]).toMatchObject([
    { iova: GIB - 4096n, size: 2n * GIB, phys: 64n * GIB },
  ]);
  expect(handover.findings.filter(({ rule }) => rule !== 'iommu-hw/map-outside')).toEqual([]);
});

it('a full machine', () => {
  const spec = fullMachine();
  const handover = opened(spec);
  expect(problems(handover)).toEqual([]);
  const { iommus, domains, devices } = iommuOf(handover);
  expect([iommus.length, domains.length, devices.length]).toEqual([8, 64, 256]);
  for (const { reach } of devices) expect(reach).toMatchObject({ kind: 'first-stage', bytes: GIB });
  const described = specOf(handover).spec;
  expect(described.flbs?.[0]?.iommu).toEqual(spec.flbs?.[0]?.iommu);
  expect([...writeMemory('elf', contentsOfBuilt(buildHandover(described)))].length).toBeGreaterThan(0);
});
