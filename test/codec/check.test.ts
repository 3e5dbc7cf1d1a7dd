import { describe, expect, it } from 'vitest';
import {
  ABI,
  array,
  be16,
  be32,
  bits,
  block,
  bytes,
  chars,
  checkBytes,
  checkValue,
  countOf,
  derived,
  encode,
  enumeration,
  field,
  flags,
  fromHex,
  magic,
  type Problem,
  pathText,
  reserved,
  rest,
  struct,
  u8,
  u16,
  u32,
  union,
} from '../../src/codec/index.js';

const abi = ABI.x86_64;
const hex = (text: string): Uint8Array => fromHex(text.replaceAll(' ', '')) ?? new Uint8Array();
const short = (problems: Problem[]): string[] =>
  problems.map(
    ({ severity, code, path, offset, bit }) =>
      `${severity} ${code} ${pathText(path)} ${offset}${bit === undefined ? '' : `:${bit}`}`,
  );

const State = enumeration('state', u8, { ESTABLISHED: 1 });
const Flow = struct('flow', {
  m: magic(u16, 0xcafe),
  state: State,
  r: reserved(u8),
  f: bits(flags('opts', u8, { SACK: 1 }), 2),
  z: reserved(bits(u8, 2)),
  name: chars(3),
});

describe('checkBytes', () => {
  it('finds nothing in what encode writes', () => {
    const bytes = encode(Flow, { state: 1, f: 1, name: 'ab' }, { abi });
    expect(checkBytes(Flow, bytes, { abi })).toEqual([]);
  });
  it('finds all that is odd, in the order of the input', () => {
    expect(short(checkBytes(Flow, hex('0bad 02 01 fe 610062 ffff'), { abi }))).toEqual([
      'error magic-mismatch m 0',
      'warning enum-unknown state 2',
      'warning reserved-not-zero r 3',
      'warning flags-unknown f 4:0',
      'warning reserved-not-zero z 4',
      'note padding-not-zero  4',
      'note tail-not-zero name 7',
      'warning trailing-bytes  8',
    ]);
  });
  it('says which element it is', () => {
    const bytes = hex('feca 01 00 00 000000 feca 09 00 00 000000');
    expect(short(checkBytes(array(Flow, 2), bytes, { abi }))).toEqual(['warning enum-unknown [1].state 10']);
  });
  it('has no guess about unions without a tag, and tells what a block leaves', () => {
    const schema = struct('s', { u: union('u', { e: State, x: u8 }), b: block(chars(rest), 3) });
    expect(checkBytes(schema, hex('ff 610000'))).toEqual([]);
    expect(short(checkBytes(struct('s', { b: block(u8, 3) }), hex('01 0007')))).toEqual([
      'note tail-not-zero b 2',
    ]);
  });
  it('does not call trailing what was not looked at', () => {
    const schema = struct('s', { n: be16, d: array(be32, field('n')) }, { packed: true });
    expect(short(checkBytes(schema, hex('0009 00000000 aabb')))).toEqual([
      'error count-limit d 2',
      'error truncated d[1] 6',
    ]);
  });
  it('is bounded', () => {
    const input = new Uint8Array(5000).fill(9);
    expect(checkBytes(array(State, rest), input)).toHaveLength(1000);
    expect(checkBytes(array(State, rest), input, { limit: 3 })).toHaveLength(3);
  });
});

describe('checkValue', () => {
  const schema = struct('s', {
    n: derived(be16, countOf('flows')),
    flows: array(struct('flow', { port: u16, bytes: bytes(2), kind: State }), field('n')),
    count: u8,
    words: array(u32, field('count')),
    name: chars(4),
    u: union('u', { a: u8, b: u16 }),
    page: block(struct('in', { x: u8 }), 4),
  });
  it('finds nothing in a good value', () => {
    const value = { flows: [], count: 1, words: [5], name: 'abc', u: { a: 1 }, page: { x: 1 } };
    expect(checkValue(schema, value, { abi })).toEqual([]);
  });
  it('finds everything that encode refuses', () => {
    const value = {
      flows: [
        { port: 70000, bytes: hex('01'), kind: 1 },
        'no',
        { port: 1, bytes: hex('0102'), kind: 2, more: 1 },
      ],
      count: 300,
      words: [1, 2 ** 40],
      name: 'too long',
      u: {},
      page: { x: -1 },
      extra: true,
    };
    expect(
      checkValue(schema, value, { abi }).map((error) => `${error.code} ${pathText(error.path)}`),
    ).toEqual([
      'value-unknown extra',
      'value-range flows[0].port',
      'value-range flows[0].bytes',
      'value-type flows[1]',
      'value-unknown flows[2].more',
      'value-range count',
      'value-range words[1]',
      'value-range name',
      'union-member u',
      'value-range page.x',
    ]);
    expect(() => encode(schema, value as never, { abi })).toThrow(/extra: there is no such field/);
  });
  it('takes no object for one', () => {
    expect(checkValue(schema, null, { abi }).map((error) => error.code)).toEqual(['value-type']);
    expect(checkValue(array(u8, 2), [1, 2, 3]).map((error) => error.code)).toEqual(['count-mismatch']);
  });
});
