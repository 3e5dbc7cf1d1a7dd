/** Types that are inferred from declarations. The compiler is the test; vitest only runs it along. */
import { expectTypeOf, it } from 'vitest';
import {
  anonymous,
  array,
  asBigInt,
  asNumber,
  bits,
  block,
  byMagic,
  bytes,
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
  type InputOf,
  magic,
  negotiated,
  optional,
  phys,
  pointer,
  reserved,
  struct,
  taggedUnion,
  u8,
  u16,
  u32,
  u64,
  union,
  unnamed,
  type ValueOf,
  versioned,
} from '../../src/codec/index.js';

it('infers scalars', () => {
  expectTypeOf<ValueOf<typeof u32>>().toEqualTypeOf<number>();
  expectTypeOf<ValueOf<typeof u64>>().toEqualTypeOf<bigint>();
  expectTypeOf<InputOf<typeof u64>>().toEqualTypeOf<number | bigint>();
  const wide = asNumber(u64);
  expectTypeOf<ValueOf<typeof wide>>().toEqualTypeOf<number>();
  const big = asBigInt(u8);
  expectTypeOf<ValueOf<typeof big>>().toEqualTypeOf<bigint>();
  const some = { few: bits(u64, 53), many: bits(u64, 54), pif: bits(enumeration('pif', u8, {}), 3) };
  expectTypeOf<ValueOf<typeof some.few>>().toEqualTypeOf<number>();
  expectTypeOf<ValueOf<typeof some.many>>().toEqualTypeOf<bigint>();
  expectTypeOf<ValueOf<typeof some.pif>>().toEqualTypeOf<number>();
  const named = { e: enumeration('e', u64, {}), f: flags('f', u16, {}), p: pointer(), q: phys() };
  expectTypeOf<ValueOf<typeof named.e>>().toEqualTypeOf<bigint>();
  expectTypeOf<ValueOf<typeof named.f>>().toEqualTypeOf<number>();
  expectTypeOf<ValueOf<typeof named.p>>().toEqualTypeOf<bigint>();
  expectTypeOf<ValueOf<typeof named.q>>().toEqualTypeOf<bigint>();
});

it('infers structs', () => {
  const Inner = struct('inner', { a: u8, b: u64 });
  const schema = struct('s', {
    m: magic(u32, 1),
    n: derived(u32, countOf('items')),
    items: array(Inner, countedBy('n')),
    name: chars(16),
    mac: bytes(6),
    r: reserved(u32),
    _: unnamed(u32, 3),
    hoisted: anonymous(struct('h', { x: u8, y: optional(u16, { ref: 'x', is: 'equal', value: 1 }) })),
    o: optional(u64, { ref: 'n', is: 'different', value: 0 }),
    page: block(Inner, 'page'),
  });
  expectTypeOf<ValueOf<typeof schema>>().toEqualTypeOf<{
    m: number;
    n: number;
    items: { a: number; b: bigint }[];
    name: string;
    mac: Uint8Array;
    x: number;
    y?: number | undefined;
    o?: bigint | undefined;
    page: { a: number; b: bigint };
  }>();
  type Input = InputOf<typeof schema>;
  expectTypeOf<Input['m']>().toEqualTypeOf<number | bigint | undefined>();
  expectTypeOf<Input['items']>().toEqualTypeOf<readonly { a: number | bigint; b: number | bigint }[]>();
  expectTypeOf<ValueOf<typeof schema>>().toExtend<Input>();
  // @ts-expect-error a field is missing
  const missing: InputOf<typeof Inner> = { a: 1 };
  // @ts-expect-error there is no such field
  const unknown: InputOf<typeof Inner> = { a: 1, b: 2n, c: 3 };
  expectTypeOf([missing, unknown]).toBeArray();
});

it('infers unions and versions', () => {
  const plain = union('u', { a: u8, b: u64 });
  expectTypeOf<ValueOf<typeof plain>>().toEqualTypeOf<{ a: number; b: bigint }>();
  expectTypeOf<{ b: 1n }>().toExtend<InputOf<typeof plain>>();
  const tagged = taggedUnion('t', field('k'), { 1: 'a' }, { a: u8, b: chars(4) });
  type Arms = { a: number } | { b: string } | { $raw: Uint8Array };
  expectTypeOf<ValueOf<typeof tagged>>().toExtend<Arms>();
  expectTypeOf<Arms>().toExtend<ValueOf<typeof tagged>>();
  // @ts-expect-error an arm is a member
  expectTypeOf(() => taggedUnion('t', field('k'), { 1: 'c' }, { a: u8 })).toBeFunction();
  const version = versioned('v', field('k'), { 1: u8, 2: chars(2) });
  expectTypeOf<ValueOf<typeof version>>().toEqualTypeOf<number | string>();
  const other = foreign<Date>({
    name: 'date',
    size: 0,
    decode: () => ({ value: new Date(0), size: 0 }),
    encode: () => new Uint8Array(),
  });
  expectTypeOf<ValueOf<typeof other>>().toEqualTypeOf<Date>();
});

it('gives decode and encode their types', () => {
  const header = negotiated(struct('h', { m: u32, a: u8 }), { endian: byMagic('m', 1) });
  expectTypeOf(decode<typeof header>).returns.toEqualTypeOf<{ m: number; a: number }>();
  // The probed field is written for the ABI, so that it may be left out.
  expectTypeOf<{ a: number }>().toExtend<InputOf<typeof header>>();
  expectTypeOf<{ m: number; a: bigint }>().toExtend<InputOf<typeof header>>();
  expectTypeOf<{ m: number }>().not.toExtend<InputOf<typeof header>>();
  expectTypeOf(encode<typeof header>)
    .parameter(1)
    .toEqualTypeOf<InputOf<typeof header>>();
});
