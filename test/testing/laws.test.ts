/** The laws must find what breaks them: each is given a schema that does. */
import { describe, expect, it } from 'vitest';
import {
  ABI,
  bytes,
  field,
  foreign,
  type Schema,
  struct,
  u8,
  u32,
  u64,
  versioned,
} from '../../src/codec/index.js';
import {
  allLaws,
  LAWS,
  lawAnyBytes,
  lawLossless,
  lawSameOnEveryABI,
  lawTruncation,
  lawValue,
} from '../../src/testing/index.js';

const abis = [ABI.x86_64];

/** A type of two bytes with a fault of its own. */
function faulty(
  decode: (bytes: Uint8Array, offset: number) => { value: number; size: number },
  encode: (value: number) => Uint8Array = (value) => Uint8Array.of(value & 0xff, value >> 8),
): Schema {
  return struct('s', { a: u8, f: foreign({ name: 'faulty', size: undefined, decode, encode }) });
}
const right = (input: Uint8Array, at: number): { value: number; size: number } => {
  if (at + 2 > input.length) throw new RangeError('too short');
  return { value: (input[at] ?? 0) | ((input[at + 1] ?? 0) << 8), size: 2 };
};

describe('a law that is broken', () => {
  it('lossless: bits that get lost', () => {
    const schema = faulty((input, at) => ({ ...right(input, at), value: right(input, at).value & 0x7fff }));
    expect(() => lawLossless({ schema, abis, seed: 1 })).toThrowError(/lossless: encode gives/);
  });
  it('value: another value comes back', () => {
    const schema = faulty(
      (input, at) => ({ value: right(input, at).value + 1, size: 2 }),
      (value) => Uint8Array.of((value - 1) & 0x7f, 0),
    );
    expect(() => lawValue({ schema, abis, seed: 1 })).toThrowError(/value: f is another after decoding/);
  });
  it('same on every ABI: a value that depends on the machine', () => {
    let calls = 0;
    const schema = struct('s', {
      f: foreign({
        name: 'faulty',
        size: 1,
        decode: () => ({ value: calls++, size: 1 }),
        encode: () => new Uint8Array(1),
      }),
    });
    expect(() => lawSameOnEveryABI({ schema, seed: 1 })).toThrowError(/same on every ABI: f is another as/);
  });
  it('truncation: a value made of what is not there', () => {
    const schema = struct('s', {
      v: u8,
      x: versioned('x', field('v'), { 1: u8, 2: struct('two', { a: u8, b: u8 }) }),
    });
    expect(() => lawTruncation({ schema, abis, seed: 1 })).not.toThrow();
    const open = faulty((input, at) => ({ value: input[at] ?? 0, size: Math.min(2, input.length - at) }));
    expect(() => lawTruncation({ schema: open, abis, seed: 1 })).toThrowError(
      /truncation: the first \d+ bytes/,
    );
  });
  it('any bytes: what decodes is written as something else', () => {
    const schema = struct('s', {
      a: bytes(2),
      f: foreign({
        name: 'faulty',
        size: 1,
        decode: () => ({ value: 0, size: 1 }),
        encode: (): Uint8Array => Uint8Array.of(7),
      }),
    });
    expect(() => lawAnyBytes({ schema, abis, seed: 1 })).toThrowError(/any bytes: come back as/);
  });
  it('is reported with the case, the machine and the seed', () => {
    const schema = faulty((input, at) => ({ ...right(input, at), value: right(input, at).value & 0x7fff }));
    expect(() => lawLossless({ schema, abis, seed: 1 })).toThrowError(
      /seed: 1.*the bytes [0-9a-f]{6} on x86_64/s,
    );
  });
});

describe('all laws', () => {
  it('are there by name, and hold of a plain struct', () => {
    const laws = allLaws('plain', struct('plain', { a: u32, b: u64 }), { runs: 20, seed: 1 });
    expect(laws.map((law) => law.name)).toEqual(Object.keys(LAWS).map((name) => `plain: ${name}`));
    for (const law of laws) law.run();
  });
  it('are nothing without a machine', () => {
    expect(() => lawLossless({ schema: struct('s', { a: u8 }), abis: [] })).toThrowError(
      'lays out on no machine',
    );
  });
});
