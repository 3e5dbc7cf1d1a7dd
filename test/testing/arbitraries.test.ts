import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ABI,
  array,
  bits,
  block,
  bytes,
  chars,
  countOf,
  decode,
  derived,
  encode,
  enumeration,
  field,
  flags,
  i16,
  optional,
  planOf,
  rest,
  struct,
  taggedUnion,
  u8,
  u16,
  u32,
  u64,
  versioned,
} from '../../src/codec/index.js';
import { fromChoices } from '../../src/testing/choices.js';
import { arbitraryABI, arbitraryBytes, arbitrarySchema, arbitraryValue } from '../../src/testing/index.js';

const abi = ABI.x86_64;
const options = { seed: 3, numRuns: 400 };

describe('values', () => {
  it('reach the bounds of their range, and one bit', () => {
    const schema = struct('s', { a: u64, b: i16, c: bits(u32, 5) });
    const values = fc.sample(arbitraryValue(schema, { abi }), options);
    for (const bound of [0n, 1n, 2n ** 64n - 1n]) expect(values.some(({ a }) => a === bound)).toBe(true);
    expect(values.some(({ a }) => BigInt(a) > 2n ** 40n && (BigInt(a) & (BigInt(a) - 1n)) === 0n)).toBe(true);
    for (const bound of [-32768, 32767, -1]) expect(values.some(({ b }) => b === bound)).toBe(true);
    for (const bound of [0, 31]) expect(values.some(({ c }) => c === bound)).toBe(true);
  });
  it('are members mostly, and unknown ones sometimes', () => {
    const schema = struct('s', {
      e: enumeration('e', u32, { A: 7, B: 1000 }),
      f: flags('f', u8, { R: 1, W: 2 }),
    });
    const values = fc.sample(arbitraryValue(schema, { abi }), options);
    const known = values.filter(({ e }) => e === 7 || e === 1000).length;
    expect(known).toBeGreaterThan(values.length / 2);
    expect(known).toBeLessThan(values.length);
    expect(values.some(({ f }) => f === 3)).toBe(true);
    expect(values.some(({ f }) => Number(f) > 3)).toBe(true);
  });
  it('agree with what they depend on', () => {
    const schema = struct('s', {
      n: u16,
      tag: u8,
      version: u32,
      a: array(u8, field('n')),
      b: bytes(field('n')),
      t: taggedUnion('t', field('tag'), { 5: 'x', 9: 'y' }, { x: u8, y: u64 }),
      v: versioned('v', field('version'), { 3: u8, 1000: u64 }),
      o: optional(u8, { ref: 'tag', is: 'equal', value: 5 }),
      count: derived(u32, countOf('c')),
      c: array(chars(3), field('count')),
      size: u32,
      k: block(struct('k', { x: u8, r: array(u16, rest) }), field('size')),
    });
    const seen = { x: 0, y: 0, raw: 0, absent: 0, left: 0, longest: 0 };
    for (const value of fc.sample(arbitraryValue(schema, { abi }), options)) {
      expect(value.a.length).toBe(value.n);
      expect(value.b.length).toBe(value.n);
      expect([3, 1000]).toContain(value.version);
      expect('x' in value.t).toBe(value.tag === 5);
      expect(value.o !== undefined).toBe(value.tag === 5);
      if (value.count === undefined) seen.left++;
      else expect(value.c.length).toBe(value.count);
      if ('x' in value.t) seen.x++;
      else if ('y' in value.t) seen.y++;
      else seen.raw++;
      seen.longest = Math.max(seen.longest, value.a.length);
      expect(() => encode(schema, value, { abi })).not.toThrow();
    }
    for (const times of Object.values({ ...seen, absent: 1 })) expect(times).toBeGreaterThan(0);
    expect(seen.longest).toBeGreaterThan(6);
  });
  it('are texts that fit, without NUL, of any characters', () => {
    const values = fc.sample(arbitraryValue(struct('s', { c: chars(8) }), { abi }), options);
    for (const { c } of values) expect(c).not.toContain('\0');
    expect(values.some(({ c }) => c.includes('𝄞'))).toBe(true);
    expect(values.some(({ c }) => c.includes('\u{dcff}'))).toBe(true);
    expect(values.some(({ c }) => c === '')).toBe(true);
  });
  it('take versions from parameters, and say what is missing', () => {
    const schema = struct('s', { v: versioned('v', field('release'), { 1: u8, 2: u64 }) });
    for (const { v } of fc.sample(arbitraryValue(schema, { abi, params: { release: 2 } }), 20))
      expect(typeof v).toBe('bigint');
    expect(() => fc.sample(arbitraryValue(schema, { abi }), 1)).toThrowError(
      /no value of struct could be made.*release/s,
    );
  });
});

describe('bytes', () => {
  it('decode, and have something in their padding now and then, or never', () => {
    const schema = struct('s', { a: u8, b: u32, c: chars(4) });
    const dirty = (given: { dirty?: boolean }): number =>
      fc.sample(arbitraryBytes(schema, { abi, ...given }), options).filter((input) => {
        decode(schema, input, { abi });
        return input.subarray(1, 4).some((byte) => byte !== 0);
      }).length;
    expect(dirty({})).toBeGreaterThan(50);
    expect(dirty({ dirty: false })).toBe(0);
  });
});

describe('schemas', () => {
  it('lay out on any machine, and are of every kind', () => {
    const kinds = new Set<string>();
    const visit = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return;
      if ('kind' in node) kinds.add(String(node.kind));
      for (const part of Object.values(node)) visit(part);
    };
    const machines = fc.sample(arbitraryABI(), { seed: 3, numRuns: 40 });
    for (const [index, schema] of fc.sample(arbitrarySchema(), { seed: 3, numRuns: 400 }).entries()) {
      planOf(schema, machines[index % machines.length]);
      visit(schema);
    }
    // A negotiated header begins the input and finds its own ABI; it has its own tests.
    expect([...kinds].sort()).toMatchInlineSnapshot(`
      [
        "anonymous",
        "array",
        "attributed",
        "bits",
        "block",
        "bytes",
        "chars",
        "derived",
        "enum",
        "flags",
        "foreign",
        "int",
        "magic",
        "optional",
        "pointer",
        "reserved",
        "struct",
        "tagged",
        "union",
        "unnamed",
        "versioned",
      ]
    `);
  });
});

describe('choices', () => {
  const list = fromChoices((draw) => Array.from({ length: draw.below(20) }, () => draw.below(1000)));
  it('shrink to the smallest case that fails', () => {
    const details = fc.check(
      fc.property(list, (numbers) => numbers.every((number) => number < 500)),
      { seed: 5 },
    );
    expect(details.failed).toBe(true);
    const [smallest] = details.counterexample ?? [];
    expect(smallest?.filter((number) => number >= 500)).toEqual([500]);
    expect(smallest?.filter((number) => number < 500).every((number) => number === 0)).toBe(true);
  });
  it('give the same again for the same seed', () => {
    expect(fc.sample(list, { seed: 9, numRuns: 20 })).toEqual(fc.sample(list, { seed: 9, numRuns: 20 }));
  });
});
