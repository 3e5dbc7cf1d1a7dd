/** restructure as an oracle for decoding and encoding, and its types inside our schemas. */
import fc from 'fast-check';
import * as r from 'restructure';
import { describe, expect, it } from 'vitest';
import {
  ABI,
  ABI_NAMES,
  anonymous,
  block,
  bytes,
  CarryoverError,
  countOf,
  decode,
  decodeAt,
  derived,
  encode,
  field,
  fromHex,
  type InputOf,
  rest,
  type Schema,
  struct,
  u8,
  u16,
  u32,
  u64,
  union,
  versioned,
} from '../../src/codec/index.js';
import {
  asRestructure,
  fromRestructure,
  type RestructureType,
  toRestructure,
  unsupportedIn,
} from '../../src/interop/restructure.js';
import { arbitraryBytes, arbitrarySchema, differenceAt } from '../../src/testing/index.js';
import { goldenStructs, schemaOf } from '../codec/gcc.js';
import { runs, SEED } from '../laws/seed.js';

function decodeBy(type: RestructureType, input: Uint8Array): unknown {
  return type.decode(new r.DecodeStream(input));
}
function encodeBy(type: RestructureType, value: unknown): Uint8Array {
  const output = new Uint8Array(type.size(value));
  type.encode(new r.EncodeStream(output), value);
  return output;
}
function outcome(run: () => unknown): { value: unknown } | 'fails' {
  try {
    return { value: run() };
  } catch {
    return 'fails';
  }
}

/** Both decode to the same or fail; and both encode what was decoded, in its canonical form, to the same bytes. */
function compare(schema: Schema, type: RestructureType, abi: ABI, input: Uint8Array): void {
  const ours = outcome(() => decodeAt(schema, input, 0, { abi }).value);
  const theirs = outcome(() => decodeBy(type, input));
  if (ours === 'fails' || theirs === 'fails') {
    expect(theirs).toBe(ours);
    return;
  }
  expect(differenceAt(ours.value, theirs.value, 'same'), fc.stringify([ours, theirs])).toBeUndefined();
  const canonical = encode(schema, ours.value as InputOf<Schema>, { abi, canonical: true });
  // A text whose length another field tells is as long as that says, in both.
  expect(encodeBy(type, theirs.value)).toEqual(canonical);
}

describe('what restructure decodes and encodes', () => {
  it('is what ours do, for random schemas and any bytes', () => {
    let comparable = 0;
    let all = 0;
    fc.assert(
      fc.property(
        arbitrarySchema({
          depth: 2,
          without: ['derived', 'union', 'anonymous', 'tagged', 'versioned', 'block', 'sizedBlock', 'foreign'],
        }),
        fc.constantFrom(...ABI_NAMES.map((name) => ABI[name])),
        fc.nat(),
        (schema, abi, seed) => {
          all++;
          if (unsupportedIn(schema, { abi, r }).length > 0) return;
          comparable++;
          const type = toRestructure(schema, { abi, r });
          for (const input of fc.sample(arbitraryBytes(schema, { abi }), { numRuns: 4, seed })) {
            compare(schema, type, abi, input);
            for (const length of [0, 1, input.length >> 1, input.length - 1])
              if (length >= 0 && length < input.length) compare(schema, type, abi, input.slice(0, length));
          }
          for (const input of fc.sample(fc.uint8Array({ maxLength: 40 }), { numRuns: 4, seed }))
            compare(schema, type, abi, input);
        },
      ),
      { numRuns: runs(300), seed: SEED },
    );
    expect(comparable).toBeGreaterThan(all * 0.6);
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
        const abi = ABI[name];
        if (unsupportedIn(schema, { abi, r }).length > 0) continue;
        comparable++;
        compare(schema, toRestructure(schema, { abi, r }), abi, fromHex(hex) ?? new Uint8Array());
      }
    }
    expect(comparable).toBeGreaterThan(all * 0.5);
  });

  it('is what ours do for every schema, by way of our codec', () => {
    fc.assert(
      fc.property(arbitrarySchema(), fc.nat(), (schema, seed) => {
        const abi = ABI.s390x;
        const type = asRestructure(schema, { abi });
        for (const input of fc.sample(arbitraryBytes(schema, { abi }), { numRuns: 2, seed })) {
          const stream = new r.DecodeStream(input);
          const value = type.decode(stream) as InputOf<typeof schema>;
          expect(stream.pos).toBe(input.length);
          const output = new Uint8Array(type.size(value));
          type.encode(new r.EncodeStream(output), value);
          expect(output).toEqual(input);
        }
      }),
      { numRuns: runs(60), seed: SEED },
    );
  });
});

describe('what restructure cannot express', () => {
  const abi = ABI.x86_64;
  it.each<[string, Schema, string]>([
    ['unions', struct('s', { u: union('u', { a: u8, b: u16 }) }), 'union at u'],
    [
      'anonymous members',
      struct('s', { u: anonymous(union('u', { a: u8, b: u16 })) }),
      'anonymous member at _',
    ],
    [
      'derived fields',
      struct('s', { n: derived(u8, countOf('a')), a: bytes(field('n')) }),
      'derived field at n',
    ],
    [
      'versioned parts',
      struct('s', { v: u32, b: versioned('b', field('v'), { 1: u32, 2: u64 }) }),
      'versioned part at b',
    ],
    ['blocks', struct('s', { b: block(u8, 4) }), 'block at b'],
    [
      'alignment after a variable part',
      struct('s', { n: u8, a: bytes(field('n')), b: u32 }),
      'alignment at ',
    ],
    ['names it keeps', struct('s', { parent: u8 }), 'name at parent'],
    ['the rest before the end', struct('s', { in: struct('i', { a: bytes(rest) }), b: u8 }), 'rest at in.a'],
  ])('%s are reported', (_, schema, expected) => {
    const found = unsupportedIn(schema, { abi, r }).map(({ kind, path }) => `${kind} at ${path.join('.')}`);
    expect(
      found.some(
        (text) => text === expected || (expected.endsWith('_') && text.startsWith(expected.slice(0, -1))),
      ),
    ).toBe(true);
    expect(() => toRestructure(schema, { abi, r })).toThrowError(CarryoverError);
  });
});

describe('types of restructure in our schemas', () => {
  const name = fromRestructure(new r.String(r.uint8, 'utf8'), { r, name: 'pascal string' });
  const schema = struct('s', { a: u16, name, b: u8 }, { packed: true });
  it('are decoded and encoded', () => {
    const input = Uint8Array.of(1, 0, 3, 0x61, 0x62, 0x63, 9);
    const value = decode(schema, input, { abi: ABI.x86_64 });
    expect(value).toEqual({ a: 1, name: 'abc', b: 9 });
    expect(encode(schema, value, { abi: ABI.x86_64 })).toEqual(input);
  });
  it('are not let past the end of the input', () => {
    const cut = struct('s', { b: fromRestructure(new r.Buffer(r.uint8), { r, name: 'buffer' }) });
    expect(() => decode(cut, Uint8Array.of(3, 1))).toThrowError(/ends beyond the input.*foreign-failed/s);
  });
});
