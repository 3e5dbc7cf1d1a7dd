import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ABI,
  aligned,
  anonymous,
  array,
  be16,
  bits,
  block,
  bytes,
  CarryoverError,
  chars,
  countedBy,
  countOf,
  decode,
  derived,
  encode,
  enumeration,
  field,
  flags,
  foreign,
  fromJSON,
  hex,
  i8,
  i64,
  type JSONValue,
  long,
  magic,
  optional,
  pointer,
  reserved,
  rest,
  type Schema,
  slackOf,
  struct,
  taggedUnion,
  toJSON,
  u8,
  u16,
  u32,
  u64,
  union,
  versioned,
} from '../../src/codec/index.js';

const Color = enumeration('color', u8, { RED: 0, GREEN: 1, BLUE: 2 });
const Mode = flags('mode', u16, { READ: 1, WRITE: 2, BOTH: 3, EXEC: 0x100 });
const dots = {
  name: 'dots',
  print: (raw: Uint8Array) => (raw[0] === 0 ? undefined : raw.join('.')),
  parse: (text: string) =>
    /^\d+(\.\d+)*$/.test(text) ? Uint8Array.from(text.split('.'), Number) : undefined,
};

const All = struct('all', {
  a: u8,
  wide: u64,
  address: hex(u64),
  signed: i64,
  word: long,
  color: Color,
  mode: Mode,
  where: pointer(),
  low: bits(u32, 5),
  high: bits(u64, 60),
  name: chars(6),
  ip: bytes(4, dots),
  raw: bytes(3),
  spare: reserved(u16),
  seen: union('seen', { word: u32, halves: array(u16, 2) }),
  inner: anonymous(struct('inner', { x: i8, y: aligned(u16, 8) })),
  names: array(chars(3), 2),
  grid: array(array(chars(2), 2), 2),
  pairs: array(struct('pair', { p: u8, q: u32 }), 2),
});

/** What JSON text carries: nothing but what the JSON grammar can say. */
function through(json: JSONValue): JSONValue {
  return JSON.parse(JSON.stringify(json)) as JSONValue;
}

function expectRoundTrip(schema: Schema, raw: Uint8Array, abi = ABI.x86_64): JSONValue {
  const value = decode(schema, raw, { abi });
  for (const names of [false, true]) {
    const json = through(toJSON(schema, value, { abi, names }));
    const back = fromJSON(schema, json, { abi });
    expect(encode(schema, back as never, { abi, derived: 'keep' })).toEqual(raw);
  }
  return toJSON(schema, value, { abi });
}

function failure(work: () => unknown): CarryoverError {
  try {
    work();
  } catch (error) {
    if (error instanceof CarryoverError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('the round trip through JSON', () => {
  for (const abi of [ABI.x86_64, ABI.i386, ABI.s390x, ABI.m68k])
    it(`gives any bytes of all kinds of fields back, on ${abi.name}`, () => {
      const size = encodeSize(All, abi);
      fc.assert(
        fc.property(fc.uint8Array({ minLength: size, maxLength: size }), (raw) => {
          expectRoundTrip(All, raw, abi);
        }),
        { numRuns: 200 },
      );
    });

  it('keeps the slack of array elements under the name of the array', () => {
    const json = expectRoundTrip(
      struct('s', { names: array(chars(3), 2), grid: array(array(chars(2), 2), 2) }),
      Uint8Array.from([65, 0, 1, 66, 67, 68, 65, 66, 0, 0, 0, 2, 0, 3]),
    );
    expect(json).toEqual({
      names: ['A', 'BCD'],
      grid: [
        ['AB', ''],
        ['', ''],
      ],
      $slack: { 'names[0]': '01', 'grid[1][0]': '02', 'grid[1][1]': '03' },
    });
  });

  it('wraps an array at the root that has slack', () => {
    const json = expectRoundTrip(array(chars(3), 2), Uint8Array.from([65, 0, 1, 66, 0, 0]));
    expect(json).toEqual({ $value: ['A', 'B'], $slack: { '[0]': '01' } });
  });

  it('keeps what a block leaves, of bytes, a struct and elements', () => {
    const blocks = struct('blocks', {
      n: u8,
      one: block(struct('one', { a: u8 }), 4),
      many: array(block(struct('m', { b: u8 }), 2), 2),
    });
    expect(expectRoundTrip(blocks, Uint8Array.from([1, 2, 0, 9, 0, 3, 7, 4, 0]))).toEqual({
      n: 1,
      one: { a: 2 },
      many: [{ b: 3 }, { b: 4 }],
      $slack: { 'one+': '000900', 'many[0]+': '07' },
    });
    const root = block(bytes(2), 4);
    expect(expectRoundTrip(root, Uint8Array.from([1, 2, 3, 0]))).toEqual({
      $value: '0102',
      $slack: { '$root+': '0300' },
    });
    expectRoundTrip(block(struct('one', { a: u8 }), 4), Uint8Array.from([1, 2, 3, 0]));
  });

  it('keeps tags, versions, conditions and counts', () => {
    const message = struct(
      'message',
      {
        id: magic(u16, 0x1234),
        version: u8,
        kind: u8,
        n: derived(u8, countOf('items')),
        items: array(u16, countedBy('n')),
        body: versioned('body', field('version'), {
          1: struct('v1', { a: u8 }, { packed: true }),
          2: struct('v2', { a: u8, b: u8 }, { packed: true }),
        }),
        what: taggedUnion('what', field('kind'), { 1: 'num', 2: 'text' }, { num: u32, text: chars(4) }),
        extra: optional(u8, { ref: 'kind', is: 'equal', value: 2 }),
        tail: bytes(rest),
      },
      { packed: true },
    );
    const head = [0x34, 0x12];
    expectRoundTrip(message, Uint8Array.from([...head, 1, 1, 1, 5, 0, 9, 1, 2, 3, 4]));
    expectRoundTrip(message, Uint8Array.from([...head, 2, 2, 0, 9, 8, 65, 0, 7, 0, 6, 1, 2]));
    const unknown = expectRoundTrip(message, Uint8Array.from([...head, 2, 9, 0, 9, 8, 65, 0, 7, 0]));
    expect(unknown).toMatchObject({ what: { $raw: '41000700' }, tail: '' });
  });

  it('passes values of foreign types on where they are JSON, and as bytes where not', () => {
    const text = foreign<string>({
      name: 'letter',
      size: 1,
      decode: (raw, at) => ({ value: String.fromCharCode(raw[at] ?? 0), size: 1 }),
      encode: (value) => Uint8Array.of(value.charCodeAt(0)),
    });
    const date = foreign<Date>({
      name: 'day',
      size: 1,
      decode: (raw, at) => ({ value: new Date((raw[at] ?? 0) * 86400000), size: 1 }),
      encode: (value) => Uint8Array.of(value.getTime() / 86400000),
    });
    const json = expectRoundTrip(struct('f', { text, date }), Uint8Array.from([65, 3]));
    expect(json).toEqual({ text: 'A', date: { $bytes: '03' } });
  });
});

describe('what JSON looks like', () => {
  it('writes 64 bits and ABI-sized integers as strings on every ABI, others as numbers', () => {
    const schema = struct('s', { a: u32, b: u64, c: hex(u64), d: long, e: pointer(), f: bits(u32, 7) });
    const value = { a: 1, b: 2n ** 63n, c: 255n, d: -3n, e: 0x1000n, f: 5 };
    for (const abi of [ABI.x86_64, ABI.i386])
      expect(toJSON(schema, { ...value, b: 7n }, { abi })).toEqual({
        a: 1,
        b: '7',
        c: '0xff',
        d: '-3',
        e: '0x1000',
        f: 5,
      });
  });
  it('writes names on request, and integers where there is none', () => {
    const schema = struct('s', { color: Color, mode: Mode });
    const names = (color: number, mode: number) =>
      toJSON(schema, { color, mode }, { abi: ABI.x86_64, names: true });
    expect(names(1, 0x101)).toEqual({ color: 'GREEN', mode: 'READ|EXEC' });
    expect(names(9, 0x8001)).toEqual({ color: 9, mode: 'READ|0x8000' });
    expect(names(0, 0)).toEqual({ color: 'RED', mode: 0 });
  });
  it('writes bytes in their text form only if that reads back', () => {
    const schema = struct('s', { ip: bytes(2, dots) });
    expect(toJSON(schema, { ip: Uint8Array.of(1, 2) })).toEqual({ ip: '1.2' });
    // 0x0011 has no dots, and its hex digits would be read as dots.
    expect(toJSON(schema, { ip: Uint8Array.of(0, 0x11) })).toEqual({ ip: 'hex:0011' });
    expect(fromJSON(schema, { ip: 'hex:0011' })).toEqual({ ip: Uint8Array.of(0, 0x11) });
  });
  it('leaves out what a lenient decode could not read', () => {
    expect(toJSON(struct('s', { a: u8, list: array(u8, 3) }), { list: [1, undefined] })).toEqual({
      list: [1, null],
    });
  });
});

describe('what is taken from JSON', () => {
  const schema = struct('s', {
    count: u8,
    wide: u64,
    near: i8,
    color: Color,
    mode: Mode,
    name: chars(4),
    raw: bytes(2),
    list: array(u8, 2),
  });
  const abi = ABI.x86_64;
  const take = (json: JSONValue) => fromJSON(schema, json, { abi });
  it('takes numbers, decimal and hex strings, and names', () => {
    expect(take({ count: '0x10', wide: 5, near: '-0x1', color: 'BLUE', mode: 'READ | 0x100' })).toEqual({
      count: 16,
      wide: 5n,
      near: -1,
      color: 2,
      mode: 0x101,
    });
    expect(take({ wide: '18446744073709551615', raw: 'AB cd' })).toEqual({
      wide: 2n ** 64n - 1n,
      raw: Uint8Array.of(0xab, 0xcd),
    });
  });
  it('takes decoded values in the middle of JSON', () => {
    expect(fromJSON(schema, { raw: Uint8Array.of(1, 2), wide: 3n }, { abi })).toEqual({
      raw: Uint8Array.of(1, 2),
      wide: 3n,
    });
  });
  const cases: [string, JSONValue, string, string, string][] = [
    ['another type', { count: true }, 'value-type', 'count', 'not an integer'],
    ['a fraction', { count: 1.5 }, 'value-type', 'count', 'not an integer'],
    ['what is out of range', { near: 128 }, 'value-range', 'near', 'does not fit'],
    ['a rounded number', { wide: 2 ** 60 }, 'value-range', 'wide', 'rounded'],
    ['a name that is none', { color: 'GREN' }, 'value-type', 'color', 'did you mean GREEN?'],
    ['a flag that is none', { mode: 'READ|WRIT' }, 'value-type', 'mode', 'did you mean WRITE?'],
    ['an unknown key', { cuont: 1 }, 'value-unknown', 'cuont', 'did you mean count?'],
    ['no object', [1], 'value-type', '', 'not an object'],
    ['no array', { list: 5 }, 'value-type', 'list', 'not an array'],
    ['a bad element', { list: [1, 256] }, 'value-range', 'list[1]', 'does not fit'],
    ['no text', { name: 5 }, 'value-type', 'name', 'not a text'],
    ['odd hex', { raw: 'abc' }, 'value-type', 'raw', 'not bytes'],
    ['slack that is no object', { $slack: 'ff' }, 'value-type', '$slack', 'kept by its place'],
    [
      'slack of no element',
      { list: [1, 2], $slack: { 'list[2]': '00' } },
      'slack-mismatch',
      '$slack.list[2]',
      'no such',
    ],
  ];
  for (const [what, json, code, path, text] of cases)
    it(`refuses ${what}`, () => {
      const error = failure(() => take(json));
      expect([error.code, error.toJSON().path]).toEqual([code, path]);
      expect(error.message).toContain(text);
    });
  it('says which versions there are where none is told', () => {
    const v = struct('v', { body: versioned('body', field('v'), { 1: u8, 2: be16 }) }, { packed: true });
    expect(failure(() => fromJSON(v, { body: 1 }, { params: { v: 3 } })).message).toContain('v to be 1, 2');
    expect(fromJSON(v, { body: 300 }, { params: { v: 2 } })).toEqual({ body: 300 });
  });
  it('puts slack back beside its object', () => {
    const padded = struct('p', { a: u8, b: u32 });
    const value = fromJSON(padded, { a: 1, b: 2, $slack: { '+1': '010203' } }, { abi });
    expect(slackOf(value as object)).toEqual({ '+1': Uint8Array.of(1, 2, 3) });
  });
});

function encodeSize(schema: Schema, abi: (typeof ABI)[keyof typeof ABI]): number {
  for (let size = 1; size < 1000; size++)
    try {
      decode(schema, new Uint8Array(size), { abi });
      return size;
    } catch {
      // Too short, or the next one is not.
    }
  throw new Error('no size fits');
}
