import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ABI,
  type ABIName,
  type Annotation,
  annotate,
  array,
  bits,
  block,
  byMagic,
  bytes,
  chars,
  decode,
  field,
  fromHex,
  negotiated,
  optional,
  pathText,
  reserved,
  rest,
  type Schema,
  struct,
  taggedUnion,
  u8,
  u16,
  u32,
  union,
  versioned,
} from '../../src/codec/index.js';

const abi = ABI.x86_64;
const hex = (text: string): Uint8Array => fromHex(text.replaceAll(' ', '')) ?? new Uint8Array();

function lines(annotations: Annotation[]): string[] {
  return annotations.map(
    ({ offset, bit, bits, size, path, kind, type, text, overlap }) =>
      `${offset}${bit === undefined ? '' : `:${bit}+${bits}`} ${size} ${kind}${overlap ? '*' : ''} ${pathText(path)} ${type} ${text}`,
  );
}

/** Each bit exactly once and in order. */
function accounted(annotations: Annotation[], length: number): void {
  let at = 0;
  for (const one of annotations) {
    if (one.overlap || one.size === 0) continue;
    expect(one.offset * 8 + (one.bit ?? 0), JSON.stringify(one)).toBe(at);
    at += one.bits ?? one.size * 8;
  }
  expect(at).toBe(length * 8);
}

const Mixed = struct('mixed', {
  n: u8,
  a: bits(u8, 3),
  b: bits(u8, 4),
  r: reserved(u16),
  name: chars(6),
  u: union('u', { small: u8, large: u32, pair: struct('pair', { x: u8, y: u16 }) }),
  t: taggedUnion('t', field('n'), { 2: 'two' }, { two: u16, four: u32 }),
  list: array(u16, field('n')),
  wide: u32,
  opt: optional(u8, { ref: 'n', is: 'equal', value: 2 }),
  page: block(struct('in', { z: u8, d: bytes(field('z')) }), 4),
  tail: bytes(rest),
});
const Valid = hex(
  '02 75 0500 6162 00 6300 00 0000 04030201 0700 0908 0100 0200 00000000 05 01 aa bb00 aabbcc',
);

describe('annotate', () => {
  it('tells every byte', async () => {
    const all = annotate(Mixed, Valid, { abi });
    accounted(all, Valid.length);
    await expect(`${lines(all).join('\n')}\n`).toMatchFileSnapshot('goldens/annotate.txt');
  });
  it('tells what is missing, and what trails', () => {
    const pair = struct('p', { a: u16, b: u32 });
    expect(lines(annotate(pair, hex('0100 0000 05'), { abi }))).toEqual([
      '0 2 field a u16 1',
      '2 2 padding   zero',
      '4 1 missing b  needs 4 bytes, but only 1 is left: 05',
    ]);
    expect(lines(annotate(pair, hex('0100 0000'), { abi })).slice(-1)).toEqual([
      '4 0 missing b  needs 4 bytes, but the input ends there',
    ]);
    expect(lines(annotate(u16, hex('0100 0505'), { abi })).slice(-1)).toEqual(['2 2 trailing   0505']);
    const v = struct('s', { v: u8, body: versioned('body', field('v'), { 1: u8 }) });
    expect(lines(annotate(v, hex('07 0102')))).toEqual(['0 1 field v u8 7', '1 2 trailing   0102']);
  });
  it('begins at an offset', () => {
    expect(lines(annotate(u16, hex('ffff 0100'), { abi, offset: 2 }))).toEqual(['2 2 field  u16 1']);
  });
  it('has one annotation for many bytes', () => {
    expect(annotate(bytes(rest), new Uint8Array(1_000_000))).toHaveLength(1);
    expect(annotate(u8, new Uint8Array(1_000_000))).toHaveLength(2);
  });
  it('finds no machine, and says that for all bytes', () => {
    const header = negotiated(struct('h', { m: u32 }), { endian: byMagic('m', 1) });
    expect(annotate(header, hex('05050505')).map((one) => one.kind)).toEqual(['trailing']);
  });
});

describe('for any bytes', () => {
  const schemas: Schema[] = [
    Mixed,
    array(Mixed, rest),
    array(
      union('u', { a: bits(u16, 3), b: struct('b', { x: bits(u16, 2), y: bits(u16, 9) }), c: chars(3) }),
      rest,
    ),
    struct('s', { u: union('u', { in: union('in', { a: u8, b: u16 }), c: u32 }), d: block(chars(rest), 5) }),
  ];
  it.each(['x86_64', 's390x', 'm68k'] as ABIName[])('each bit is told once on %s', (name) => {
    fc.assert(
      fc.property(fc.constantFrom(...schemas), fc.uint8Array({ maxLength: 80 }), (schema, input) => {
        accounted(annotate(schema, input, { abi: ABI[name] }), input.length);
      }),
      { numRuns: 300 },
    );
  });
  it('the valid input decodes', () => {
    expect(decode(Mixed, Valid, { abi })).toMatchObject({ a: 5, b: 14, name: 'ab', list: [1, 2], opt: 5 });
  });
});
