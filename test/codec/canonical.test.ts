import { describe, expect, it } from 'vitest';
import {
  ABI,
  array,
  be16,
  block,
  byMagic,
  bytes,
  canonical,
  chars,
  countOf,
  decode,
  derived,
  encode,
  field,
  fromHex,
  negotiated,
  pathText,
  reserved,
  rest,
  type Schema,
  struct,
  taggedUnion,
  toHex,
  u8,
  u16,
  u32,
  union,
} from '../../src/codec/index.js';

const abi = ABI.x86_64;
const hex = (text: string): Uint8Array => fromHex(text.replaceAll(' ', '')) ?? new Uint8Array();

function drops(schema: Schema, input: string, options: object = { abi }): [string, string[]] {
  const { bytes, dropped } = canonical(schema, hex(input), options);
  // What is canonical stays as it is.
  const again = canonical(schema, bytes, options);
  expect(toHex(again.bytes)).toBe(toHex(bytes));
  expect(again.dropped).toEqual([]);
  return [toHex(bytes), dropped.map((one) => `${one.what} ${pathText(one.path)} ${one.offset} ${one.bytes}`)];
}

describe('canonical', () => {
  it('clears padding and reserved fields', () => {
    const schema = struct('s', { a: u8, b: u16, r: reserved(u32) });
    expect(drops(array(schema, 1), '01 ff 0200 05000000')).toEqual([
      '0100020000000000',
      ['padding [0] 1 ff', 'reserved [0].r 4 05000000'],
    ]);
  });
  it('clears what follows a NUL, a member, a content', () => {
    expect(drops(struct('s', { t: chars(4) }), '61 00 62 00')).toEqual(['61000000', ['tail t 2 6200']]);
    const tagged = struct('s', {
      n: u8,
      u: taggedUnion('u', field('n'), { 1: 'a' }, { a: u8, b: u32 }, { packed: true }),
    });
    expect(drops(tagged, '01 05 000007')).toEqual(['0105000000', ['tail u 2 000007']]);
    expect(drops(struct('s', { b: block(u8, 3) }), '01 0002')).toEqual(['010000', ['tail b 1 0002']]);
    const plain = union('u', { a: struct('a', { x: u8, y: u16 }), b: u8 });
    expect(drops(plain, '01 ff 0200')).toEqual(['01000200', ['tail  1 ff0000']]);
  });
  it('shortens a counted text to what it says', () => {
    const schema = struct('s', { n: derived(u8, countOf('t')), t: chars(field('n')), z: u8 });
    expect(drops(schema, '04 61006200 07')).toEqual(['016107', ['tail t 3 6200']]);
  });
  it('computes derived fields anew', () => {
    const schema = struct('s', { n: derived(be16, countOf('d')), d: array(u8, rest) });
    expect(drops(schema, '0009 0102')).toEqual(['00020102', ['derived n 0 0009']]);
  });
  it('takes a value with what is kept beside it', () => {
    const schema = struct('s', { a: u8, b: u16 });
    const value = decode(schema, hex('01 ff 0200'), { abi });
    const { bytes, value: clean, dropped } = canonical(schema, value, { abi });
    expect(toHex(bytes)).toBe('01000200');
    expect(dropped).toHaveLength(1);
    expect(clean).toEqual(value);
    expect(toHex(encode(schema, clean, { abi }))).toBe('01000200');
  });
  it('finds the machine where that is in the bytes', () => {
    const schema = negotiated(struct('h', { m: u32, a: u8, b: u16 }), { endian: byMagic('m', 1) });
    expect(drops(schema, '00000001 05 ff 0006', {})).toEqual(['0000000105000006', ['padding  5 ff']]);
  });
  it('refuses what cannot be decoded', () => {
    expect(() => canonical(bytes(2), hex('01'))).toThrow(/truncated/);
    expect(() => canonical(bytes(2), hex('010203'))).toThrow(/trailing-bytes/);
  });
});
