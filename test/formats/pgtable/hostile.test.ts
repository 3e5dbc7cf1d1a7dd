import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  MAX_PROBLEMS,
  type MappingInput,
  TABLE_FORMATS,
  type TableProblemKind,
  type TableShape,
  type WrittenTables,
  walkTables,
  writeTables,
} from '../../../src/formats/pgtable/index.js';
import { allocator, entryAt, imageOf, SHAPES, TABLES_AT, written } from './support.js';

const VTD: TableShape = { format: 'vtdss', level: 3, vasz: 48, signExtend: false };
const AMD: TableShape = { ...VTD, format: 'amdv1' };
const X86: TableShape = { ...VTD, format: 'x86_64', signExtend: true };
const RISCV: TableShape = { ...VTD, format: 'riscv64' };
const ARM: TableShape = { ...VTD, format: 'armv8-s1' };
const TWO: MappingInput[] = [
  { iova: 0n, phys: 0x4000_0000n, size: 0x3000n },
  { iova: 0x20_0000n, phys: 0x8000_0000n, size: 0x20_0000n },
  { iova: 0x40_0000_0000n, phys: 0x9000_0000n, size: 0x1000n },
];

/** The kinds of problems after a change, which must be found without an error. */
function broken(
  shape: TableShape,
  change: (tables: WrittenTables) => void,
  mappings: readonly MappingInput[] = TWO,
) {
  const tables = written(shape, mappings);
  change(tables);
  return walkTables(imageOf(tables.pages), tables.root);
}
const kinds = (walk: { problems: readonly { kind: TableProblemKind }[] }) =>
  walk.problems.map(({ kind }) => kind);
const set = (tables: WrittenTables, level: number, index: number, value: bigint, place = 0) =>
  entryAt(tables, level, place).view.setBigUint64(8 * index, value, true);
const flip = (tables: WrittenTables, level: number, index: number, bits: bigint) => {
  const { view } = entryAt(tables, level);
  view.setBigUint64(8 * index, view.getBigUint64(8 * index, true) ^ bits, true);
};

describe('tables that lead nowhere good', () => {
  test('a table that leads back to the one above', () => {
    const walk = broken(VTD, (tables) => set(tables, 1, 5, tables.root.table | 3n));
    expect(kinds(walk)).toEqual(['loop']);
    expect(walk.complete).toBe(false);
    expect(walk.problems[0]).toMatchObject({ level: 1, iova: 5n << 21n });
    expect([...walk.mappings]).toHaveLength(3);
  });
  test('a table that leads to itself', () => {
    expect(kinds(broken(VTD, (tables) => set(tables, 3, 7, tables.root.table | 3n)))).toEqual(['loop']);
  });
  test('a table with two owners is walked once', () => {
    const walk = broken(VTD, (tables) => set(tables, 1, 9, entryAt(tables, 0).address | 3n));
    expect(kinds(walk)).toEqual(['shared']);
    expect(walk.mappings.bytes).toBe(0x20_4000n);
    expect(walk.problems[0]?.sentence).toBe(
      `The table at 0x${entryAt(written(VTD, TWO), 0).address.toString(16)} belongs to another entry than the one at 0x${(entryAt(written(VTD, TWO), 1).address + 72n).toString(16)} too. It is walked once.`,
    );
  });
  test('every entry of a table leads to the same one', () => {
    const walk = broken(VTD, (tables) => {
      for (let i = 1; i < 512; i++) set(tables, 3, i, entryAt(tables, 2).address | 3n);
    });
    expect(kinds(walk)).toEqual(Array(MAX_PROBLEMS).fill('shared'));
    expect(walk.counts.get('shared')).toBe(511);
  });
  test('a table that the dump has not', () => {
    const walk = broken(VTD, (tables) => set(tables, 2, 3, 0x7000_0000_0003n));
    expect(kinds(walk)).toEqual(['absent']);
    expect(walk.complete).toBe(false);
    expect(walk.problems[0]?.sentence).toMatch(
      /^The table of level 1 at 0x700000000000 is not in the dump: /,
    );
  });
  test('a table of which the dump has a part', () => {
    const { root, pages } = written(VTD, [TWO[0] as MappingInput]);
    const cut = pages.map((page, i) =>
      i === pages.length - 1 ? { ...page, bytes: page.bytes.subarray(0, 16) } : page,
    );
    const walk = walkTables(imageOf(cut), root);
    expect(kinds(walk)).toEqual(['absent']);
    expect([...walk.mappings].map(({ size }) => size)).toEqual([0x2000n]);
  });
  test.each([0n, 0x10_0800n, 1n << 52n, 0xffff_ffff_ffff_f000n])('a root at %s', (table) => {
    const { root, pages } = written(VTD, TWO);
    expect(kinds(walkTables(imageOf(pages), { ...root, table }))).toContain('root');
  });
  test.each([-1, 5, 7, 0.5, Number.NaN, 2 ** 40])('a topmost level of %s', (level) => {
    const { root, pages } = written(VTD, TWO);
    const walk = walkTables(imageOf(pages), { ...root, level });
    expect(kinds(walk)).toEqual(['level']);
    expect(walk.mappings.length).toBe(0);
  });
  test('a topmost table that is too small, or larger than needed', () => {
    const { root, pages } = written({ ...VTD, level: 2, vasz: 39 }, [TWO[0] as MappingInput]);
    expect(kinds(walkTables(imageOf(pages), { ...root, vasz: 40 }))).toEqual(['undersized']);
    expect(kinds(walkTables(imageOf(pages), { ...root, vasz: 30 }))).toEqual([]);
    expect(kinds(walkTables(imageOf(pages), { ...root, vasz: undefined }))).toEqual([]);
    for (const vasz of [-5, 0, 1, 64, 4_000_000_000])
      expect(() => walkTables(imageOf(pages), { ...root, vasz })).not.toThrow();
  });
  test('entries that no address reaches', () => {
    const walk = broken({ ...VTD, level: 4 }, (tables) => set(tables, 4, 300, 0x7000_0000_0003n));
    expect(kinds(walk)).toEqual(['unreachable']);
    expect(walk.problems[0]).toMatchObject({ level: 4, address: TABLES_AT + 2400n });
  });
  test('limits of tables and of mappings', () => {
    const { root, pages } = written(VTD, TWO);
    const walk = walkTables(imageOf(pages), root, { limits: { tables: 3 } });
    expect(kinds(walk)).toEqual(['limit']);
    expect(walk).toMatchObject({ complete: false, tables: { length: 3 } });
    const few = walkTables(imageOf(pages), root, { limits: { mappings: 1 } });
    expect(kinds(few)).toEqual(['limit']);
    expect(few.mappings.length).toBe(1);
    expect(few.mappings.bytes).toBe(0x20_4000n);
    const budget = { tables: 7 };
    expect(walkTables(imageOf(pages), root, { limits: { budget } }).complete).toBe(true);
    expect(budget.tables).toBe(7 - pages.length);
    expect(walkTables(imageOf(pages), root, { limits: { budget } }).complete).toBe(false);
  });
});

describe('entries that the hardware does not take', () => {
  const small = [TWO[0] as MappingInput];
  const cases: [title: string, TableShape, level: number, index: number, bits: bigint, TableProblemKind][] = [
    ['vtdss: a table with bit 62', VTD, 2, 0, 1n << 62n, 'reserved'],
    ['vtdss: a table with bit 11', VTD, 1, 0, 1n << 11n, 'reserved'],
    ['vtdss: a page of 512 GiB', VTD, 3, 0, 1n << 7n, 'page-size'],
    ['vtdss: a page of 2 MiB not aligned', VTD, 1, 1, 1n << 13n, 'misaligned'],
    ['vtdss: neither read nor write', VTD, 0, 0, 3n, 'not-present'],
    ['x86_64: not present', X86, 0, 1, 1n, 'not-present'],
    ['x86_64: a page of 512 GiB', X86, 3, 0, 1n << 7n, 'page-size'],
    ['x86_64: a page of 2 MiB not aligned', X86, 1, 1, 1n << 13n, 'misaligned'],
    ['amdv1: another next level', AMD, 2, 0, 1n << 9n, 'level-mismatch'],
    ['amdv1: a next level in the last table', AMD, 0, 0, 1n << 9n, 'level-mismatch'],
    ['amdv1: bit 53 of a page', AMD, 0, 0, 1n << 53n, 'reserved'],
    ['amdv1: bit 59 of a table', AMD, 3, 0, 1n << 59n, 'reserved'],
    ['amdv1: a size that the level has not', AMD, 1, 1, 0x7fe00n, 'page-size'],
    ['riscv64: a table in the last table', RISCV, 0, 0, 0x6n, 'level-mismatch'],
    ['riscv64: A of a table', RISCV, 2, 0, 1n << 6n, 'reserved'],
    ['riscv64: bit 60', RISCV, 0, 0, 1n << 60n, 'reserved'],
    ['riscv64: W without R', RISCV, 0, 0, 1n << 1n, 'reserved'],
    ['riscv64: N without its size', RISCV, 0, 0, 1n << 63n, 'page-size'],
    ['armv8: a block in the last table', ARM, 0, 0, 1n << 1n, 'page-size'],
    ['armv8: a block of 512 GiB', ARM, 3, 0, 1n << 1n, 'page-size'],
    ['armv8: bit 48 of a table', ARM, 2, 0, 1n << 48n, 'reserved'],
    ['armv8: bit 49 of a page', ARM, 0, 2, 1n << 49n, 'reserved'],
    ['armv8: a block of 2 MiB not aligned', ARM, 1, 1, 1n << 12n, 'misaligned'],
  ];
  test.each(cases)('%s', (_, shape, level, index, bits, kind) => {
    const mappings = level === 1 && index === 1 ? TWO : small;
    expect(kinds(broken(shape, () => undefined, mappings))).toEqual([]);
    const walk = broken(shape, (tables) => flip(tables, level, index, bits), mappings);
    expect(kinds(walk)).toEqual([kind]);
    expect(walk.problems[0]?.sentence).toMatch(
      /^The entry 0x[0-9a-f]+ at 0x[0-9a-f]+, in a table of level \d, .*\.$/,
    );
  });
  test('PAT of a large x86_64 page, A and D anywhere, are no problem', () => {
    expect(kinds(broken(X86, (tables) => flip(tables, 1, 1, (1n << 12n) | (1n << 6n))))).toEqual([]);
    expect(kinds(broken(VTD, (tables) => flip(tables, 0, 1, 0x300n)))).toEqual([]);
  });
  test('a page without U is out of reach', () => {
    const walk = broken(X86, (tables) => flip(tables, 3, 0, 4n), small);
    expect([...walk.mappings].map(({ permissions }) => permissions)).toEqual([0]);
  });
  test('replicas that differ', () => {
    const large = [{ iova: 0n, phys: 0x10000n, size: 65536n, largestPage: 65536n }];
    for (const shape of [AMD, RISCV]) {
      const walk = broken(shape, (tables) => flip(tables, 0, 3, 1n << 20n), large);
      expect(kinds(walk)).toEqual(['replica']);
      expect(kinds(broken(shape, (tables) => set(tables, 0, 3, 0n), large))).toEqual(['replica']);
    }
    // D may be set by the hardware in one of them.
    expect(kinds(broken(AMD, (tables) => flip(tables, 0, 3, 1n << 6n), large))).toEqual([]);
  });
});

describe.each(SHAPES)('$title', (shape) => {
  test('every single bit may flip', () => {
    const span = 1n << BigInt(shape.vasz ?? 48);
    const unit = BigInt(shape.granule ?? 4096);
    const mappings = [
      { iova: 0n, phys: 0x100_0000n, size: unit * 2n },
      { iova: span / 4n, phys: 0x200_0000n, size: unit },
    ];
    const tables = written(shape, mappings);
    const used: { readonly view: DataView; readonly at: number }[] = [];
    for (const { bytes } of tables.pages) {
      const view = new DataView(bytes.buffer);
      let last = 0;
      for (let at = 0; at < bytes.length; at += 8)
        if (view.getBigUint64(at, true) !== 0n) {
          last = at;
          used.push({ view, at });
        }
      // And an entry that is zero.
      used.push({ view, at: (last + 8) % bytes.length });
    }
    // Raw memory over one buffer, changed in place.
    const first = tables.pages[0]?.address ?? 0n;
    for (const { view, at } of used) {
      for (let bit = 0n; bit < 64n; bit++) {
        view.setBigUint64(at, view.getBigUint64(at, true) ^ (1n << bit), true);
        const walk = walkTables(imageOf(tables.pages), tables.root);
        expect(walk.tables.length).toBeLessThanOrEqual(tables.pages.length);
        for (const { kind, sentence } of walk.problems) {
          expect(kind).not.toBe('level');
          expect(sentence).toMatch(/\.$/);
        }
        view.setBigUint64(at, view.getBigUint64(at, true) ^ (1n << bit), true);
      }
    }
    expect(first).toBe(tables.root.table);
    expect(walkTables(imageOf(tables.pages), tables.root).problems).toEqual([]);
  });
});

test('any bytes at all are walked, in every format', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...TABLE_FORMATS),
      fc.constantFrom(4096 as const, 16384 as const, 65536 as const),
      fc.nat(5),
      fc.option(fc.nat(70), { nil: undefined }),
      fc.boolean(),
      // Entries that lead to each other, with low bits of all kinds.
      fc.array(
        fc.record({ at: fc.nat(16 * 512 - 1), page: fc.nat(20), low: fc.nat(0xfff), high: fc.nat(0xffff) }),
        { maxLength: 200 },
      ),
      (format, granule, level, vasz, signExtend, entries) => {
        const bytes = new Uint8Array(16 * 4096);
        const view = new DataView(bytes.buffer);
        for (const { at, page, low, high } of entries)
          view.setBigUint64(
            8 * at,
            TABLES_AT + BigInt(page * 4096) + BigInt(low) + (BigInt(high % 3 === 0 ? high : 0) << 48n),
            true,
          );
        const walk = walkTables(imageOf([{ address: TABLES_AT, bytes }]), {
          format,
          granule,
          table: TABLES_AT,
          level,
          vasz,
          signExtend,
        });
        expect(walk.tables.length).toBeLessThanOrEqual(16);
        for (const { iova, size } of walk.mappings) expect(iova + size <= 1n << 64n).toBe(true);
      },
    ),
    { numRuns: 300 },
  );
});

describe('what cannot be written', () => {
  const write = (shape: TableShape, mappings: MappingInput[]) => () =>
    writeTables(shape, mappings, allocator());
  test.each<[string, () => unknown, string]>([
    ['a level', write({ ...VTD, level: 5 }, []), 'pgtable-shape'],
    ['too few levels', write({ ...VTD, level: 1, vasz: undefined }, []), 'pgtable-shape'],
    ['a width', write({ ...VTD, level: 2, vasz: 40 }, []), 'pgtable-shape'],
    ['a sign', write({ ...VTD, signExtend: true }, []), 'pgtable-shape'],
    ['half a page', write(VTD, [{ iova: 0n, phys: 0n, size: 100n }]), 'pgtable-mapping'],
    ['an odd address', write(VTD, [{ iova: 8n, phys: 0n, size: 4096n }]), 'pgtable-mapping'],
    ['too high', write(VTD, [{ iova: 1n << 48n, phys: 0n, size: 4096n }]), 'pgtable-mapping'],
    ['not canonical', write(X86, [{ iova: 1n << 47n, phys: 0n, size: 4096n }]), 'pgtable-mapping'],
    ['no such memory', write(ARM, [{ iova: 0n, phys: 1n << 48n, size: 4096n }]), 'pgtable-mapping'],
    ['no permission', write(VTD, [{ iova: 0n, phys: 0n, size: 4096n, permissions: 0 }]), 'pgtable-mapping'],
    ['write only', write(X86, [{ iova: 0n, phys: 0n, size: 4096n, permissions: 2 }]), 'pgtable-mapping'],
    ['a size', write(VTD, [{ iova: 0n, phys: 0n, size: 65536n, largestPage: 65536n }]), 'pgtable-mapping'],
    ['twice', write(VTD, [...TWO, { iova: 0n, phys: 0n, size: 4096n }]), 'pgtable-mapping'],
    [
      'over a large page',
      write(VTD, [...TWO, { iova: 0x20_1000n, phys: 0n, size: 4096n }]),
      'pgtable-mapping',
    ],
    [
      'a large page over tables',
      write(VTD, [...TWO, { iova: 0n, phys: 0n, size: 0x20_0000n }]),
      'pgtable-mapping',
    ],
    ['a table at 0', () => writeTables(VTD, TWO, () => 0n), 'pgtable-memory'],
    ['a table in a page', () => writeTables(VTD, TWO, () => 0x100100n), 'pgtable-memory'],
  ])('%s', (_, act, code) => {
    expect(act).toThrow(expect.objectContaining({ name: 'CarryoverError', code }));
  });
});
