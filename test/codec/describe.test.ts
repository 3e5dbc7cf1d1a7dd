import { describe, expect, it } from 'vitest';
import {
  ABI,
  aligned,
  anonymous,
  array,
  be16,
  be32,
  bits,
  block,
  bytes,
  chars,
  countOf,
  declaration,
  derived,
  enumeration,
  field,
  flags,
  hex,
  magic,
  optional,
  packed,
  phys,
  planOf,
  pointer,
  reserved,
  rest,
  type Schema,
  struct,
  taggedUnion,
  typeText,
  u8,
  u16,
  u32,
  u64,
  ulong,
  unnamed,
  valueText,
  versioned,
} from '../../src/codec/index.js';

const Side = struct('flowside', { addr: bytes(16), port: u16 });
const Pif = enumeration('pif', u8, { NONE: 0, TAP: 2 });

it.each<[string, Schema]>([
  ['u32', u32],
  ['be32', be32],
  ['unsigned long', ulong],
  ['char[16]', chars(16)],
  ['char[len]', chars(field('len'))],
  ['u8[6]', bytes(6)],
  ['u8[]', bytes(rest)],
  ['struct flowside', Side],
  ['struct flowside[2]', array(Side, 2)],
  ['u16[2][3]', array(array(u16, 3), 2)],
  ['u32:3', bits(u32, 3)],
  ['enum pif:3', bits(Pif, 3)],
  ['u32:0', unnamed(u32, 0)],
  ['enum pif', Pif],
  ['u16', flags('f', u16, {})],
  ['void *', pointer()],
  ['struct flowside *', pointer(() => Side)],
  ['void **', pointer(() => pointer())],
  ['u8 (*)[4]', pointer(() => bytes(4))],
  ['phys_addr_t', phys(() => Side)],
  ['struct flowside', block(Side, 'page')],
  ['u32', aligned(reserved(u32), 8)],
])('%s is the type', (text, schema) => {
  expect(typeText(schema)).toBe(text);
});

it('declares a struct with all that it is made of', async () => {
  const schema = struct(
    'flow',
    {
      magic: magic(u32, 0xcafe),
      n: derived(be16, countOf('sides')),
      pif: Pif,
      opts: flags('tcp_opts', u8, { SACK: 2, WSCALE: 4 }),
      a: bits(u8, 3),
      _: unnamed(u8, 5),
      r: reserved(bytes(3)),
      at: aligned(
        phys(() => Side),
        16,
      ),
      ptr: packed(pointer(() => Side)),
      _in: anonymous(struct('in', { x: u8, sub: Side }, { packed: true })),
      u: taggedUnion('arms', field('x'), { 1: 'one', 2: 'two', 3: 'two' }, { one: u8, two: u64 }),
      sides: array(Side, field('n')),
      more: optional(chars(4), { ref: 'opts', is: 'any-bit', value: 4 }),
      ext: versioned('ext', field('x'), { 1: struct('ext_v1', { y: u8 }), 2: u16 }),
      page: block(Side, 'page'),
      tail: bytes(rest),
    },
    { aligned: 16 },
  );
  await expect(`${declaration(schema)}\n`).toMatchFileSnapshot('goldens/declaration.txt');
  expect(declaration(array(u8, 4))).toBe('typedef u8 value[4];');
});

describe('values', () => {
  const of = (schema: Schema, value: unknown): string => valueText(planOf(schema, ABI.x86_64), value);
  it.each<[string, Schema, unknown]>([
    ['12', u32, 12],
    ['-1', u64, -1n],
    ['0xff', hex(u8), 255],
    ['0xffff', hex(u16), -1],
    ['0x1000', pointer(), 0x1000n],
    ['TAP (2)', Pif, 2],
    ['unknown (7)', Pif, 7],
    ['SACK|WSCALE (0x6)', flags('f', u8, { SACK: 2, WSCALE: 4 }), 6],
    ['WSCALE|0x80 (0x84)', flags('f', u8, { SACK: 2, WSCALE: 4 }), 0x84],
    ['0 (0x0)', flags('f', u8, { SACK: 2 }), 0],
    ['NONE (0x0)', flags('f', u8, { NONE: 0, SACK: 2 }), 0],
    ['BOTH (0x3)', flags('f', u8, { A: 1, B: 2, BOTH: 3 }), 3],
    ['"a\\"b\\n"', chars(8), 'a"b\n'],
    ['0102', bytes(2), Uint8Array.of(1, 2)],
    ['00 × 40', bytes(40), new Uint8Array(40)],
    [`${'01'.repeat(31)}02… (40 bytes)`, bytes(40), new Uint8Array(40).fill(1).fill(2, 31)],
    ['(no bytes)', bytes(0), new Uint8Array()],
    ['2 elements', array(u8, 2), [1, 2]],
    ['{ addr, port }', Side, { addr: new Uint8Array(16), port: 1 }],
    ['missing', u8, undefined],
  ])('%s', (text, schema, value) => {
    expect(of(schema, value)).toBe(text);
  });
  it('uses the form that bytes have as text', () => {
    const form = {
      name: 'ip',
      print: (ip: Uint8Array) => (ip.length === 4 ? ip.join('.') : undefined),
      parse: () => undefined,
    };
    expect(of(bytes(4, form), Uint8Array.of(10, 0, 0, 1))).toBe('10.0.0.1');
    expect(of(bytes(2, form), Uint8Array.of(10, 0))).toBe('0a00');
  });
});
