import { describe, expect, it } from 'vitest';
import {
  ABI,
  type ABIName,
  anonymous,
  array,
  asNumber,
  be32,
  bits,
  block,
  bytes,
  CarryoverError,
  chars,
  countOf,
  decode,
  derived,
  encode,
  field,
  i8,
  i64,
  long,
  magic,
  optional,
  rest,
  setSlack,
  sizeOfStruct,
  slackOf,
  struct,
  taggedUnion,
  time_t,
  toHex,
  u8,
  u16,
  u32,
  u64,
  union,
  versioned,
} from '../../src/codec/index.js';

const abi = ABI.x86_64;
const failure = (run: () => unknown): [string, string] => {
  try {
    run();
  } catch (error) {
    if (error instanceof CarryoverError) return [error.code, error.path.join('.')];
    throw error;
  }
  return ['none', ''];
};

describe('integers', () => {
  it('takes numbers and bigints alike', () => {
    expect(toHex(encode(u64, 5, { abi }))).toBe('0500000000000000');
    expect(toHex(encode(u8, 5n))).toBe('05');
    expect(toHex(encode(i64, -1, { abi }))).toBe('ffffffffffffffff');
  });
  it.each([
    [u8, 256],
    [u8, -1],
    [i8, 128],
    [i8, -129],
    [u64, 2n ** 64n],
    [i64, 2n ** 63n],
    [asNumber(u64), 2n ** 53n],
    [bits(u64, 54), 2n ** 54n],
  ])('refuses what does not fit %#', (type, value) => {
    const schema = struct('s', { x: type });
    expect(failure(() => encode(schema, { x: value } as never, { abi }))).toEqual(['value-range', 'x']);
  });
  it('follows the ABI in size', () => {
    const schema = struct('s', { l: long, t: time_t });
    const sizes = (name: ABIName): number => encode(schema, { l: -1n, t: 1n }, { abi: ABI[name] }).length;
    expect([sizes('x86_64'), sizes('i386')]).toEqual([16, 8]);
    expect(failure(() => encode(schema, { l: 2n ** 31n, t: 0n }, { abi: ABI.arm }))).toEqual([
      'value-range',
      'l',
    ]);
  });
});

describe('derived fields', () => {
  const schema = struct('s', {
    size: derived(u8, sizeOfStruct),
    n: derived(u8, countOf('d')),
    m: magic(u8, 7),
    d: array(u8, rest),
  });
  it('is computed, whatever is given', () => {
    expect(toHex(encode(schema, { d: [1, 2] }))).toBe('0502070102');
    expect(toHex(encode(schema, { size: 9, n: 9, d: [1, 2] }))).toBe('0502070102');
  });
  it('is kept where that is asked for', () => {
    expect(toHex(encode(schema, { size: 9, n: 8, d: [1, 2] }, { derived: 'keep' }))).toBe('0908070102');
    expect(toHex(encode(schema, { n: 8, d: [1, 2] }, { derived: 'keep' }))).toBe('0508070102');
  });
  it('counts what is absent as nothing, but keeps what was decoded', () => {
    const maybe = optional(array(u8, rest), { ref: 'on', is: 'equal', value: 1 });
    const counting = struct('s', { on: u8, n: derived(u8, countOf('d')), d: maybe });
    expect(toHex(encode(counting, { on: 0 }))).toBe('0000');
    expect(toHex(encode(counting, decode(counting, Uint8Array.of(0, 9))))).toBe('0009');
    expect(toHex(encode(counting, { on: 1, n: 9, d: [5] }))).toBe('010105');
  });
});

it('refuses a magic number that is none', () => {
  const schema = struct('s', { m: magic(u64, 7n) });
  for (const m of [8n, 7.5, Number.NaN, 'x'])
    expect(failure(() => encode(schema, { m } as never, { abi }))).toEqual(['magic-mismatch', 'm']);
  expect(toHex(encode(schema, { m: 7 } as never, { abi }))).toBe('0700000000000000');
});

describe('parts that may be absent', () => {
  const schema = struct('s', { n: u8, o: optional(u8, { ref: 'n', is: 'equal', value: 1 }) });
  it('is written under its condition only', () => {
    expect(toHex(encode(schema, { n: 1, o: 5 }))).toBe('0105');
    expect(toHex(encode(schema, { n: 0 }))).toBe('00');
    expect(failure(() => encode(schema, { n: 1 }))).toEqual(['value-missing', 'o']);
    expect(failure(() => encode(schema, { n: 0, o: 5 }))).toEqual(['value-unknown', 'o']);
  });
  it('lets fields of an anonymous struct decide', () => {
    const inner = struct('in', { n: u8, d: bytes(field('n')), v: u8 });
    const outer = struct(
      's',
      { _: anonymous(inner), body: versioned('b', field('v'), { 1: u8, 2: be32 }) },
      { packed: true },
    );
    expect(toHex(encode(outer, { n: 1, d: Uint8Array.of(9), v: 2, body: 5 }))).toBe('01090200000005');
  });
});

describe('unions', () => {
  it('takes members that agree', () => {
    const schema = union('u', { a: u8, b: u16, in: struct('in', { x: u8, y: u8 }) });
    expect(toHex(encode(schema, { b: 0x0201 }, { abi }))).toBe('0102');
    expect(toHex(encode(schema, { a: 1, b: 0x0201, in: { x: 1, y: 2 } }, { abi }))).toBe('0102');
    expect(failure(() => encode(schema, { a: 2, b: 0x0201 }, { abi }))[0]).toBe('union-conflict');
  });
  it('takes raw bytes for an unknown tag only', () => {
    const schema = struct('s', { t: u8, u: taggedUnion('u', field('t'), { 1: 'a' }, { a: u8 }) });
    expect(toHex(encode(schema, { t: 9, u: { $raw: Uint8Array.of(7) } }))).toBe('0907');
    expect(failure(() => encode(schema, { t: 1, u: { $raw: Uint8Array.of(7) } }))).toEqual([
      'union-member',
      'u',
    ]);
    expect(failure(() => encode(schema, { t: 9, u: { $raw: new Uint8Array(2) } }))).toEqual([
      'value-type',
      'u',
    ]);
    expect(failure(() => encode(schema, { t: 9, u: { a: 1 } }))).toEqual(['union-member', 'u']);
  });
});

describe('slack', () => {
  it('is put back where it belongs, also after an edit', () => {
    const schema = struct('s', { a: u8, b: u32, t: chars(4) });
    const value = decode(schema, Uint8Array.of(1, 9, 9, 9, 2, 0, 0, 0, 97, 0, 5, 6), { abi });
    expect(toHex(encode(schema, Object.assign(value, { a: 3, t: 'abc' }), { abi }))).toBe(
      '030909090200000061626300',
    );
    expect(Object.keys(slackOf(value) ?? {})).toEqual(['+1', 't']);
    setSlack(value, undefined);
    expect(toHex(encode(schema, value, { abi }))).toBe('030000000200000061626300');
  });
  it('that has no place is refused', () => {
    const value = { a: 1 };
    setSlack(value, { elsewhere: Uint8Array.of(1) });
    expect(failure(() => encode(struct('s', { a: u8 }), value))).toEqual(['slack-mismatch', 'elsewhere']);
    expect(toHex(encode(struct('s', { a: u8 }), value, { canonical: true }))).toBe('01');
  });
});

describe('sizes that a value asks for', () => {
  it('does not allocate what a count says', () => {
    const text = struct('s', { n: u64, t: chars(field('n')) });
    expect(failure(() => encode(text, { n: 2n ** 60n, t: '' }, { abi }))).toEqual(['value-range', 't']);
    const held = struct('s', { n: u32, b: block(u8, field('n')) });
    expect(failure(() => encode(held, { n: 0xffffffff, b: 1 }, { abi }))).toEqual(['value-range', 'b']);
    expect(encode(held, { n: 100, b: 1 }, { abi })).toHaveLength(104);
  });
  it('says so where there is not so much memory', () => {
    expect(failure(() => encode(chars(2 ** 52), ''))).toEqual(['value-range', '']);
  });
});
