/** Lists are aligned without quadratic work, and values compared as their meanings say. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Meaning } from '../../src/formats/meaning.js';
import { align } from '../../src/state/diff/align.js';
import { compare, type Side } from '../../src/state/diff/compare.js';
import { MAX_DIFFERENCES } from '../../src/state/diff/difference.js';
import { compareStretches } from '../../src/state/diff/stretches.js';

function side(value: unknown): Side {
  return {
    value,
    base: [],
    generation: undefined,
    hasMemory: true,
    isPart: false,
    senseAt: () => undefined,
    isAbsent: () => false,
    fileContents: () => undefined,
    memory: () => undefined,
  };
}
function told(a: unknown, b: unknown, meaning: Meaning = {}): string[] {
  return compare(side(a), side(b), meaning).differences.map(({ kind, path }) => `${kind} ${path}`);
}

describe('align', () => {
  it('pairs every element once, in the order of both lists', () => {
    const list = fc.array(fc.integer({ min: 0, max: 8 }), { maxLength: 24 });
    fc.assert(
      fc.property(list, list, (a, b) => {
        const pairs = align(a, b);
        expect(pairs.flatMap(([i]) => (i < 0 ? [] : [i]))).toEqual(a.map((_, i) => i));
        expect(pairs.flatMap(([, j]) => (j < 0 ? [] : [j]))).toEqual(b.map((_, j) => j));
        expect(pairs.some(([i, j]) => i < 0 && j < 0)).toBe(false);
      }),
    );
  });

  it('finds what was put in and taken out', () => {
    const a = [1, 2, 3, 4, 5, 6];
    expect(align(a, [1, 2, 9, 3, 4, 5, 6]).filter(([i, j]) => i < 0 || j < 0)).toEqual([[-1, 2]]);
    expect(align(a, [1, 3, 4, 7, 6])).toEqual([
      [0, 0],
      [1, -1],
      [2, 1],
      [3, 2],
      [4, 3],
      [5, 4],
    ]);
  });

  it('takes lists of a hundred thousand elements, however they are mixed', () => {
    const count = 100_000;
    const a = Array.from({ length: count }, (_, i) => i);
    const b = a.map((i) => (i * 7919) % count);
    expect(align(a, b.slice(1)).length).toBeGreaterThanOrEqual(count);
    expect(align(a.fill(1), b.fill(1).slice(1))).toHaveLength(count);
  });
});

describe('values', () => {
  it('of long lists are told up to a limit and counted beyond', () => {
    const a = Array.from({ length: 100_000 }, (_, i) => ({ i }));
    const b = a.map(({ i }) => ({ i: i + 1 }));
    const found = compare(side({ a }), side({ a: b }), {});
    expect(found.count).toBe(100_000);
    expect(found.differences).toHaveLength(MAX_DIFFERENCES);
    expect(found.omitted).toBe(100_000 - MAX_DIFFERENCES);
    expect(told({ a }, { a: a.slice(1) })).toEqual(['removed a[0]']);
    const keyed: Meaning = { fields: { a: { key: 'i' } } };
    expect(told({ a }, { a: [...a].reverse().slice(1) }, keyed)).toEqual(['removed a[99999]']);
  });

  it('differ if and only if they differ outside of addresses', () => {
    const meaning: Meaning = {
      each: () => meaning,
      fields: { address: { is: 'address' }, stored: { is: 'layout' } },
    };
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { maxDepth: 3 },
        fc.integer({ min: 1, max: 3 }),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.record(
          {
            address: fc.bigInt({ min: 1n, max: 3n }),
            stored: fc.integer({ min: 1, max: 3 }),
            one: tie('tree'),
            two: tie('tree'),
          },
          { requiredKeys: ['address', 'stored', 'one'] },
        ),
      ),
    }));
    const outside = (value: unknown): string =>
      JSON.stringify(value, (key, inner: unknown) =>
        key === 'address' || key === 'stored' ? undefined : inner,
      );
    fc.assert(
      fc.property(tree, tree, (a, b) => {
        expect(told(a, b, meaning).length > 0).toBe(outside(a) !== outside(b));
        expect(told(a, a, meaning)).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('that follow from others are told only where these are equal', () => {
    const meaning: Meaning = { fields: { count: { is: 'derived' } } };
    expect(told({ count: 1, list: [1] }, { count: 2, list: [1, 2] }, meaning)).toEqual(['added list[1]']);
    expect(told({ count: 1, list: [1] }, { count: 2, list: [1] }, meaning)).toEqual(['changed count']);
  });

  it('of a kind that nests without end are compared to a depth', () => {
    let deep: unknown = 1;
    for (let i = 0; i < 5000; i++) deep = { deep };
    expect(told(deep, deep)).toEqual([expect.stringMatching(/^not-comparable deep\.deep\./)]);
  });

  it('of which a list is said to be incomplete are not taken for gone', () => {
    const meaning: Meaning = {
      fields: { list: { key: 'name', incomplete: 'cut' }, cut: { is: 'unknown' } },
    };
    const list = [{ name: 'a' }, { name: 'b' }];
    expect(told({ list }, { list: list.slice(1), cut: true }, meaning)).toEqual(['not-comparable list["a"]']);
    expect(told({ list }, { list: list.slice(1) }, meaning)).toEqual(['removed list["a"]']);
  });
});

describe('stretches', () => {
  const stretch = (from: number, to: number, flags: number, at = from) => ({
    from,
    to,
    says: { flags },
    place: (page: number) => at + page - from,
  });

  it('say where they differ, however they are cut', () => {
    const a = [stretch(0, 4, 1), stretch(4, 8, 3)];
    expect([...compareStretches(a, [stretch(0, 2, 1), stretch(2, 4, 1), stretch(4, 8, 3)], true)]).toEqual(
      [],
    );
    expect([...compareStretches(a, [stretch(0, 8, 3, 0)], false)]).toEqual([
      { from: 0, to: 4, name: 'flags', a: 1, b: 3 },
    ]);
    expect([...compareStretches(a, [stretch(4, 8, 3), stretch(0, 4, 1)], true)]).toEqual([]);
    expect([...compareStretches(a, [stretch(6, 20, 3, 9)], true)]).toMatchObject([
      { from: 6, to: 8, name: 'address' },
    ]);
  });
});
