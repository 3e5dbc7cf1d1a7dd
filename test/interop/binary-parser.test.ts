/**
 * binary-parser as an oracle: whatever schema it can express, it must parse to what our decode gives, and
 * fail where ours does.
 */
import { Parser as Library } from 'binary-parser';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ABI,
  ABI_NAMES,
  aligned,
  array,
  asNumber,
  bits,
  block,
  bytes,
  CarryoverError,
  chars,
  countOf,
  decodeAt,
  derived,
  field,
  fromHex,
  phys,
  rest,
  type Schema,
  struct,
  taggedUnion,
  u8,
  u16,
  u32,
  u64,
} from '../../src/codec/index.js';
import { type BinaryParser, toBinaryParser, unsupportedIn } from '../../src/interop/binary-parser.js';
import { arbitraryBytes, arbitrarySchema, differenceAt } from '../../src/testing/index.js';
import { goldenStructs, schemaOf } from '../codec/gcc.js';
import { runs, SEED } from '../laws/seed.js';

/** What either side makes of the bytes: a value, or that it fails. */
function outcome(run: () => unknown): { value: unknown } | 'fails' {
  try {
    return { value: run() };
  } catch (error) {
    if (error instanceof CarryoverError || error instanceof Error) return 'fails';
    throw error;
  }
}

function compare(schema: Schema, parser: BinaryParser, abi: ABI, input: Uint8Array): void {
  const ours = outcome(() => decodeAt(schema, input, 0, { abi }).value);
  const theirs = outcome(() => parser.parse(input));
  if (ours === 'fails' || theirs === 'fails') expect(theirs).toBe(ours);
  else
    expect(differenceAt(ours.value, theirs.value, 'same'), `${fc.stringify([ours, theirs])}`).toBeUndefined();
}

describe('what binary-parser parses', () => {
  it('is what decode gives, for random schemas and any bytes', () => {
    let comparable = 0;
    let all = 0;
    fc.assert(
      fc.property(
        arbitrarySchema({ without: ['derived'] }),
        fc.constantFrom(...ABI_NAMES.map((name) => ABI[name])),
        fc.nat(),
        (schema, abi, seed) => {
          all++;
          if (unsupportedIn(schema, { abi }).length > 0) return;
          comparable++;
          const parser = toBinaryParser(schema, { abi, Parser: Library });
          for (const input of fc.sample(arbitraryBytes(schema, { abi }), { numRuns: 4, seed })) {
            compare(schema, parser, abi, input);
            for (const length of [0, 1, input.length >> 1, input.length - 1])
              if (length >= 0 && length < input.length) compare(schema, parser, abi, input.slice(0, length));
          }
          for (const input of fc.sample(fc.uint8Array({ maxLength: 40 }), { numRuns: 4, seed }))
            compare(schema, parser, abi, input);
        },
      ),
      { numRuns: runs(300), seed: SEED },
    );
    expect(comparable).toBeGreaterThan(all * 0.9);
  });

  it("is what GCC's bytes say", () => {
    let comparable = 0;
    let all = 0;
    for (const golden of [...goldenStructs('systematic'), ...goldenStructs('random')]) {
      const schema = schemaOf(golden.type, golden.name);
      for (const { abis, bytes: hex } of golden.golden) {
        const [name] = abis;
        if (name === undefined) continue;
        all++;
        if (unsupportedIn(schema, { abi: ABI[name] }).length > 0) continue;
        comparable++;
        // Generating a parser takes the library a while: one in so many is enough for a run.
        if ((comparable + SEED) % 10 !== 0) continue;
        const parser = toBinaryParser(schema, { abi: ABI[name], Parser: Library });
        compare(schema, parser, ABI[name], fromHex(hex) ?? new Uint8Array());
      }
    }
    expect(comparable).toBeGreaterThan(all * 0.99);
  });
});

describe('what binary-parser cannot express', () => {
  const abi = ABI.x86_64;
  const refused = (schema: Schema): string[] =>
    unsupportedIn(schema, { abi }).map(({ kind, path }) => `${kind} at ${path.join('.')}`);

  it.each<[string, Schema, string[]]>([
    [
      'a derived field',
      struct('s', { n: derived(u32, countOf('a')), a: bytes(field('n')) }),
      ['derived field at n'],
    ],
    [
      'a 64-bit tag',
      struct('s', { t: u64, u: taggedUnion('u', field('t'), { '0xffffffffffffffff': 'a' }, { a: u8 }) }),
      ['64-bit tag at u'],
    ],
    [
      'a tag behind a pointer',
      struct('s', { p: phys(() => struct('t', { x: u32 })), a: bytes(field('p.x')) }),
      ['reference at a'],
    ],
    [
      'elements of no size',
      struct('s', { n: u8, a: array(struct('e', {}), field('n')) }),
      ['array at a', 'alignment at '],
    ],
    ['anything but a struct', u32, ['int at ']],
  ])('%s is reported', (_, schema, expected) => {
    expect(refused(schema)).toEqual(expect.arrayContaining(expected.slice(0, 1)));
    expect(() => toBinaryParser(schema, { abi, Parser: Library })).toThrowError(CarryoverError);
    expect(() => toBinaryParser(schema, { abi, Parser: Library })).toThrowError(/interop-unsupported/);
  });
});

describe('traps of binary-parser that the parsers made for it avoid', () => {
  const abi = ABI.x86_64;
  const made = (schema: Schema): BinaryParser => toBinaryParser(schema, { abi, Parser: Library });

  it('does not cut bytes short in silence', () => {
    expect(() => made(struct('s', { b: bytes(4) })).parse(Uint8Array.of(1, 2))).toThrowError(RangeError);
    expect(() => made(struct('s', { c: chars(4) })).parse(Uint8Array.of(1, 2))).toThrowError(RangeError);
    expect(() =>
      made(struct('s', { n: u8, k: block(bytes(rest), field('n')) })).parse(Uint8Array.of(4, 1)),
    ).toThrowError(RangeError);
  });
  it('notices padding that is not there', () => {
    expect(() => made(struct('s', { a: u32, b: u8 })).parse(new Uint8Array(5))).toThrowError(RangeError);
  });
  it('throws instead of rounding', () => {
    expect(() => made(struct('s', { a: asNumber(u64) })).parse(new Uint8Array(8).fill(0xff))).toThrowError(
      RangeError,
    );
  });
  it('takes bit-fields from the end that C takes them from', () => {
    expect(made(struct('s', { a: bits(u16, 4), b: bits(u16, 12) })).parse(Uint8Array.of(0x21, 0x43))).toEqual(
      { a: 1, b: 0x432 },
    );
  });
  it('finds fields of the structs around, and leaves nothing behind', () => {
    const schema = struct('s', {
      n: u8,
      list: array(struct('e', { m: u8, in: struct('i', { x: bytes(field('m')), y: bytes(field('n')) }) }), 2),
    });
    expect(made(schema).parse(Uint8Array.of(1, 2, 10, 11, 20, 0, 30))).toEqual({
      n: 1,
      list: [
        { m: 2, in: { x: Uint8Array.of(10, 11), y: Uint8Array.of(20) } },
        { m: 0, in: { x: Uint8Array.of(), y: Uint8Array.of(30) } },
      ],
    });
  });
  it('skips what alignment asks for', () => {
    expect(
      made(struct('s', { a: u8, b: aligned(u16, 8) })).parse(
        Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0),
      ),
    ).toEqual({ a: 1, b: 2 });
  });
});
