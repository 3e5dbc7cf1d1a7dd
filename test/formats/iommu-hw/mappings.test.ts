import { describe, expect, test } from 'vitest';
import { checkMappings } from '../../../src/formats/iommu/hw/index.js';
import { PreservedBuilder } from '../../../src/formats/kho/preserved.js';
import {
  CoverageBuilder,
  coverageOf,
  type TableShape,
  type WrittenTables,
  walkTables,
} from '../../../src/formats/pgtable/index.js';
import { written } from '../pgtable/support.js';
import { Memory, rules } from './support.js';

const SHAPE: TableShape = { format: 'vtdss', level: 3, vasz: 48, signExtend: false };
const MAPPINGS = [
  { iova: 0n, phys: 0x4000_0000n, size: 0x3000n },
  { iova: 0x20_0000n, phys: 0x8000_0000n, size: 0x20_0000n },
];
const GUEST = () => new CoverageBuilder().add(0x80000, 0x200).add(0x40000, 3);

function checked(
  change: (tables: WrittenTables, memory: Memory) => void = () => undefined,
  guest = GUEST().done(),
  shape: TableShape = SHAPE,
): string[] {
  const tables = written(shape, MAPPINGS);
  const memory = new Memory();
  for (const { address, bytes } of tables.pages) memory.page(address, bytes);
  change(tables, memory);
  const walk = memory.walk();
  checkMappings(walk, walkTables(walk.image, tables.root), 'domains[0]', { guest });
  expect([...walk.claims.conflicts()]).toEqual([]);
  return rules(walk);
}
const put = (tables: WrittenTables, level: number, index: number, value: bigint) => {
  const page = tables.pages.find((candidate) => candidate.level === level);
  if (page === undefined) throw new Error(`there is no table of level ${level}`);
  new DataView(page.bytes.buffer).setBigUint64(8 * index, value, true);
};
const addressOf = (tables: WrittenTables, level: number) =>
  tables.pages.find((page) => page.level === level)?.address ?? 0n;

describe('page tables of a domain', () => {
  test('sound ones', () => {
    expect(checked()).toEqual([]);
    // Oversized tables are legal.
    expect(checked(undefined, GUEST().done(), { ...SHAPE, level: 4 })).toEqual([]);
  });
  test.each<[string, Parameters<typeof checked>[0], string[]]>([
    [
      'a page that is not preserved',
      (tables, memory) => memory.unpreserve(addressOf(tables, 1)),
      ['table-unpreserved'],
    ],
    ['a page that is not there', (tables) => put(tables, 2, 9, 0x7000_0000_0003n), ['table-absent']],
    ['a loop', (tables) => put(tables, 2, 9, tables.root.table | 3n), ['table-loop']],
    ['a shared table', (tables) => put(tables, 1, 9, addressOf(tables, 0) | 3n), ['table-loop']],
    ['reserved bits', (tables) => put(tables, 1, 0, addressOf(tables, 0) | 0x803n), ['entry-reserved']],
    ['an entry that allows nothing', (tables) => put(tables, 0, 8, 0x4000_0000n), ['entry-stale']],
    ['a page of no guest', (tables) => put(tables, 0, 8, 0x5000_0003n), ['map-outside']],
    ['the page behind the guest', (tables) => put(tables, 0, 3, 0x4000_3003n), ['map-outside']],
  ])('%s', (_, change, expected) => {
    expect(checked(change)).toEqual(expected);
  });
  test('entries beyond the addresses', () => {
    expect(
      checked((tables) => put(tables, 4, 5, 0x4000_0003n), GUEST().done(), { ...SHAPE, level: 4 }),
    ).toEqual(['entry-unreachable']);
  });
  test('what nobody knows of the guest is not compared', () => {
    expect(checked((tables) => put(tables, 0, 8, 0x5000_0003n), GUEST().done(false))).toEqual([]);
  });
  test('many pages outside are told of, and not all listed', () => {
    const found = checked((tables) => {
      for (let i = 0; i < 40; i++) put(tables, 0, 8 + i, (0x5000_0003n + BigInt(i) * 0x2000n) | 3n);
    });
    expect(found).toEqual(Array(17).fill('map-outside'));
  });
  test('the finding names both addresses', () => {
    const tables = written(SHAPE, MAPPINGS);
    const memory = new Memory();
    for (const { address, bytes } of tables.pages) memory.page(address, bytes);
    put(tables, 0, 3, 0x4000_3003n);
    const walk = memory.walk();
    checkMappings(walk, walkTables(walk.image, tables.root), 'domains[0]', { guest: GUEST().done() });
    expect(walk.findings.list()[0]).toMatchObject({
      severity: 'error',
      path: 'domains[0]',
      address: 0x4000_3000n,
      message:
        '0x3000 leads to 0x40003000, which is no preserved guest memory. The next kernel does not check this, and reads or reserves memory that was not meant.',
    });
  });
});

describe('coverage', () => {
  test('ranges in any order, that touch and overlap', () => {
    const coverage = new CoverageBuilder().add(50, 10).add(10, 5).add(15, 5).add(12, 20).add(60, 1).done();
    expect(coverage.firstOutside(10, 22)).toBeUndefined();
    expect(coverage.firstOutside(50, 11)).toBeUndefined();
    expect(coverage.firstOutside(50, 12)).toBe(61);
    expect(coverage.firstOutside(30, 3)).toBe(32);
    expect(coverage.firstOutside(9, 1)).toBe(9);
    expect(coverage.firstOutside(0, 0)).toBeUndefined();
    expect(new CoverageBuilder().done().firstOutside(5, 1)).toBe(5);
  });
  test('a map of preserved memory with large pages', () => {
    const builder = new PreservedBuilder();
    builder.add(2, 0, 2);
    builder.add(8, 2, 1);
    const coverage = coverageOf(builder.done(65536, true));
    expect(coverage.complete).toBe(true);
    expect(coverage.firstOutside(32, 32)).toBeUndefined();
    expect(coverage.firstOutside(33, 40)).toBe(64);
    expect(coverage.firstOutside(128, 64)).toBeUndefined();
    expect(coverage.firstOutside(31, 2)).toBe(31);
  });
});
