/**
 * Schemas: what a C declaration says, as plain frozen data. A node has a `kind`; what can be done with it
 * (layout, decode, encode, view, check, …) lives in interpreters elsewhere, never in the node.
 *
 * The TypeScript type of the value is inferred from the declaration: {@link ValueOf} is what decode gives,
 * {@link InputOf} what encode takes (derived fields and magic numbers may be left out).
 */
import { type CarryoverError, fail } from './error.js';

declare const VALUE: unique symbol;
declare const INPUT: unique symbol;

/** Carries the value's type through the type system; holds nothing at run time. */
export interface Typed<V, I = V> {
  readonly [VALUE]?: V;
  readonly [INPUT]?: I;
}

/** The type of the value that decoding this schema gives. */
export type ValueOf<S> = S extends Typed<infer V, infer _> ? V : never;
/** The type of the value that encoding with this schema takes. */
export type InputOf<S> = S extends Typed<infer _, infer I> ? I : never;

export type ByteOrder = 'native' | 'little' | 'big';
/** A size in bytes, or the C type whose size the ABI decides. */
export type IntSize = 1 | 2 | 4 | 8 | 'pointer' | 'long' | 'size_t' | 'time_t';

export interface Int<V extends number | bigint = number | bigint> extends Typed<V, number | bigint> {
  readonly kind: 'int';
  /** The name in C, or what the kernel calls it: `u32`, `__be64`, `long`. */
  readonly name: string;
  readonly size: IntSize;
  readonly signed: boolean;
  readonly order: ByteOrder;
  /** What the value is in JavaScript; a `number` of 64 bits throws beyond 2^53 instead of rounding. */
  readonly as: 'number' | 'bigint';
  /** How people write it. */
  readonly format: 'dec' | 'hex';
}

/** An integer whose values have names. */
export interface Enum<V extends number | bigint = number | bigint> extends Typed<V, number | bigint> {
  readonly kind: 'enum';
  readonly name: string;
  readonly base: Int;
  readonly members: Readonly<Record<string, number | bigint>>;
}

/** An integer whose bits (or groups of bits) have names. */
export interface Flags<V extends number | bigint = number | bigint> extends Typed<V, number | bigint> {
  readonly kind: 'flags';
  readonly name: string;
  readonly base: Int;
  readonly members: Readonly<Record<string, number | bigint>>;
}

/** An address; `target` is what lies there, to be followed where a memory image is at hand. */
export interface Pointer<T extends Schema = Schema> extends Typed<bigint, bigint | number> {
  readonly kind: 'pointer';
  readonly space: 'phys' | 'virt';
  readonly base: Int;
  readonly target: (() => T) | undefined;
}

/** A bit-field. Allocated as GCC does it; unnamed ones take room, width 0 ends the storage unit. */
export interface Bits<V extends number | bigint = number | bigint> extends Typed<V, number | bigint> {
  readonly kind: 'bits';
  readonly base: Int | Enum | Flags;
  readonly width: number;
}
export interface UnnamedBits extends Typed<undefined> {
  readonly kind: 'unnamed';
  readonly hidden: true;
  readonly base: Int;
  readonly width: number;
}

/** A `char` array: text up to its first NUL. Bytes that are not UTF-8 become lone surrogates U+DC80…U+DCFF. */
export interface Chars extends Typed<string> {
  readonly kind: 'chars';
  readonly length: Length;
}

/** Bytes without an order of their own. `text` says how people write them (an IP address, say). */
export interface Bytes extends Typed<Uint8Array> {
  readonly kind: 'bytes';
  readonly length: Length;
  readonly text: TextForm | undefined;
}

/** How bytes are written and read as text. */
export interface TextForm {
  readonly name: string;
  /** Text of the bytes; undefined where they have no such form (hex is shown then). */
  readonly print: (bytes: Uint8Array) => string | undefined;
  /** Bytes of the text, undefined where it is not of this form. */
  readonly parse: (text: string) => Uint8Array | undefined;
}

/** A reference to a field decoded earlier, or to a parameter: names joined by dots, looked up from the
 * innermost struct outward. */
export interface Ref {
  readonly ref: string;
}
/** How long an array is: a number, the value of a field, or all that the enclosing block (or input) has left. */
export type Length = number | Ref | 'rest';

export interface ArrayOf<E extends Schema = Schema> extends Typed<ValueOf<E>[], readonly InputOf<E>[]> {
  readonly kind: 'array';
  readonly element: E;
  readonly length: Length;
}

export type Fields = { readonly [name: string]: Schema };

export interface Struct<F extends Fields = Fields> extends Typed<StructValue<F>, StructInput<F>> {
  readonly kind: 'struct';
  readonly name: string;
  readonly fields: F;
  readonly packed: boolean;
  readonly aligned: number | undefined;
}

/** A union of which every member is read: bytes seen several ways. */
export interface Union<F extends Fields = Fields> extends Typed<StructValue<F>, Partial<StructInput<F>>> {
  readonly kind: 'union';
  readonly name: string;
  readonly fields: F;
  readonly packed: boolean;
  readonly aligned: number | undefined;
}

/** A union of which another field says the member. The value has exactly that member's key, or `$raw`. */
export interface TaggedUnion<F extends Fields = Fields> extends Typed<ArmValue<F>, ArmInput<F>> {
  readonly kind: 'tagged';
  readonly name: string;
  readonly by: Ref;
  readonly arms: Readonly<Record<string, string>>;
  readonly fields: F;
  readonly packed: boolean;
  readonly aligned: number | undefined;
}

/** A member whose own members appear in the enclosing struct, as C's anonymous structs and unions do. */
export interface Anonymous<S extends Struct | Union | TaggedUnion = Struct | Union | TaggedUnion>
  extends Typed<ValueOf<S>, InputOf<S>> {
  readonly kind: 'anonymous';
  readonly type: S;
}

/** `__attribute__((aligned(N)))` or `__attribute__((packed))` on one member. */
export interface Attributed<S extends Schema = Schema> extends Typed<ValueOf<S>, InputOf<S>> {
  readonly kind: 'attributed';
  readonly type: S;
  readonly aligned: number | undefined;
  readonly packed: boolean;
}

/** Must be zero. Not part of the value; kept all the same when it is not zero. */
export interface Reserved<S extends Schema = Schema> extends Typed<undefined> {
  readonly kind: 'reserved';
  readonly hidden: true;
  readonly type: S;
}

/** A field that has one right value. Decoding anything else fails; encoding writes it. */
export interface Magic<S extends Int | Bytes | Chars = Int | Bytes | Chars>
  extends Typed<ValueOf<S>, InputOf<S> | undefined> {
  readonly kind: 'magic';
  readonly derivable: true;
  readonly type: S;
  readonly value: number | bigint | string | Uint8Array;
}

/** A field that follows from others. Decode checks it, encode computes it. */
export interface Derived<S extends Int | Enum = Int | Enum>
  extends Typed<ValueOf<S>, InputOf<S> | undefined> {
  readonly kind: 'derived';
  readonly derivable: true;
  readonly type: S;
  readonly rule: DerivedRule;
}
export type DerivedRule =
  /** The number of elements of an array (or bytes of a byte array) beside or below it. */
  | { readonly rule: 'count'; readonly of: string }
  /** The number of bytes that a field beside it takes when encoded. */
  | { readonly rule: 'size'; readonly of: string }
  /** The number of bytes of the struct it stands in. */
  | { readonly rule: 'size-of-struct' }
  /** Computed from the bytes of the struct, in which the field itself reads as zero. */
  | {
      readonly rule: 'checksum';
      readonly name: string;
      readonly compute: (bytes: Uint8Array) => number | bigint;
    };

/** There only if a condition on an earlier field holds; otherwise it takes no bytes and has no value. */
export interface Optional<S extends Schema = Schema>
  extends Typed<ValueOf<S> | undefined, InputOf<S> | undefined> {
  readonly kind: 'optional';
  readonly optional: true;
  readonly type: S;
  readonly when: Condition;
}
export interface Condition {
  readonly ref: string;
  readonly is: 'equal' | 'different' | 'at-least' | 'any-bit';
  readonly value: number | bigint;
}

/** One of several schemas, chosen by a version (or another tag) found earlier, or given as a parameter. */
export interface Versioned<C extends Readonly<Record<string, Schema>> = Readonly<Record<string, Schema>>>
  extends Typed<ValueOf<C[keyof C]>, InputOf<C[keyof C]>> {
  readonly kind: 'versioned';
  readonly name: string;
  readonly by: Ref;
  readonly cases: C;
}

/** Content within a fixed number of bytes; what it leaves is slack. `'page'` is the ABI's page size. */
export interface Block<S extends Schema = Schema> extends Typed<ValueOf<S>, InputOf<S>> {
  readonly kind: 'block';
  readonly type: S;
  readonly size: number | Ref | 'page';
}

/** A header that tells its ABI. Probes run in the order in which they are written. */
export interface Negotiated<S extends Struct = Struct, P extends Probes = Probes>
  extends Typed<ValueOf<S>, ProbedInput<InputOf<S>, P>> {
  readonly kind: 'negotiated';
  readonly type: S;
  readonly probes: Probes;
}
export interface Probes {
  readonly endian?: MagicProbe | OrderProbe;
  readonly pointerSize?: FieldProbe;
  readonly longSize?: FieldProbe;
  readonly timeSize?: FieldProbe;
  readonly pageSize?: FieldProbe;
}
export type ProbedPart = keyof Probes;
/** Reads a magic number both ways. */
export interface MagicProbe<F extends string = string> {
  readonly probe: 'magic';
  readonly field: F;
  readonly value: number | bigint;
}
/** Reads a field that names its byte order, e.g. ELF's `EI_DATA`. */
export interface OrderProbe<F extends string = string> {
  readonly probe: 'order';
  readonly field: F;
  readonly little: number;
  readonly big: number;
}
/** Reads a field that holds the part itself. */
export interface FieldProbe<F extends string = string> {
  readonly probe: 'field';
  readonly field: F;
  readonly allowed: readonly number[];
}

/**
 * A type of another library. It is asked for its bytes and believed. A CarryoverError that it throws keeps its
 * code; its path is put behind that of the field, and its offset counts from the first of the bytes given.
 */
export interface Foreign<V = unknown> extends Typed<V> {
  readonly kind: 'foreign';
  readonly name: string;
  readonly size: number | undefined;
  // Methods, so that a Foreign<string> is a Foreign<unknown>: nothing calls encode but with decode's values.
  decode(bytes: Uint8Array, offset: number): { value: V; size: number };
  /** As much as there is, and all that is wrong with it; without this, a lenient decode stops at the first. */
  decodeLenient?(
    bytes: Uint8Array,
    offset: number,
  ): { value: V | undefined; size: number; problems: readonly CarryoverError[] };
  encode(value: V): Uint8Array;
}

export type Schema =
  | Int
  | Enum
  | Flags
  | Pointer
  | Bits
  | UnnamedBits
  | Chars
  | Bytes
  | ArrayOf
  | Struct
  | Union
  | TaggedUnion
  | Anonymous
  | Attributed
  | Reserved
  | Magic
  | Derived
  | Optional
  | Versioned
  | Block
  | Negotiated
  | Foreign;
export type Kind = Schema['kind'];
export type SchemaOf<K extends Kind> = Extract<Schema, { kind: K }>;

// --- inference ---------------------------------------------------------------------------------------------

type Simplify<T> = { [K in keyof T]: T[K] } & {};
type Intersect<U> = (U extends unknown ? (u: U) => void : never) extends (i: infer I) => void ? I : never;
/** `unknown` for no anonymous members at all, so that the intersection leaves the rest alone. */
type Hoisted<F, K extends keyof F, T> = [K] extends [never] ? unknown : Intersect<T>;

/** A schema without `aligned` and `packed`, which say nothing about the value. */
type Bare<S> = Schema extends S ? S : S extends { kind: 'attributed'; type: infer T } ? Bare<T> : S;
type Inlined = { kind: 'anonymous' };
type AnonymousKeys<F> = { [K in keyof F]: Bare<F[K]> extends Inlined ? K : never }[keyof F];
// Keys are taken in the order of the declaration, so that editors show them in it.
type PlainKey<K, S> = Bare<S> extends Inlined | { hidden: true } | { optional: true } ? never : K;
type OptionalKey<K, S> = Bare<S> extends { optional: true } ? K : never;
type GivenKey<K, S> = Bare<S> extends { derivable: true } ? never : PlainKey<K, S>;
type LeftOutKey<K, S> = Bare<S> extends { optional: true } | { derivable: true } ? K : never;

export type StructValue<F extends Fields> = Simplify<
  { -readonly [K in keyof F as PlainKey<K, F[K]>]: ValueOf<F[K]> } & {
    -readonly [K in keyof F as OptionalKey<K, F[K]>]?: ValueOf<F[K]>;
  } & Hoisted<F, AnonymousKeys<F>, { [K in AnonymousKeys<F>]: ValueOf<F[K]> }[AnonymousKeys<F>]>
>;
export type StructInput<F extends Fields> = Simplify<
  { -readonly [K in keyof F as GivenKey<K, F[K]>]: InputOf<F[K]> } & {
    -readonly [K in keyof F as LeftOutKey<K, F[K]>]?: InputOf<F[K]>;
  } & Hoisted<F, AnonymousKeys<F>, { [K in AnonymousKeys<F>]: InputOf<F[K]> }[AnonymousKeys<F>]>
>;
/** Encode writes the probed fields, so that they may be left out. */
type ProbedInput<I, P extends Probes> = Simplify<
  Omit<I, ProbedField<P>> & Partial<Pick<I, Extract<ProbedField<P>, keyof I>>>
>;
type ProbedField<P extends Probes> = {
  [K in keyof P]: P[K] extends { field: infer F } ? F : never;
}[keyof P] &
  PropertyKey;
type ArmValue<F extends Fields> =
  | { [K in keyof F]: { -readonly [P in K]: ValueOf<F[K]> } }[keyof F]
  | { $raw: Uint8Array };
type ArmInput<F extends Fields> =
  | { [K in keyof F]: { readonly [P in K]: InputOf<F[K]> } }[keyof F]
  | { readonly $raw: Uint8Array };

// --- integers ----------------------------------------------------------------------------------------------

function int<V extends number | bigint>(
  name: string,
  size: IntSize,
  signed: boolean,
  as: 'number' | 'bigint',
): Int<V> {
  return Object.freeze({ kind: 'int', name, size, signed, order: 'native', as, format: 'dec' });
}

export const u8: Int<number> = /* @__PURE__ */ int('u8', 1, false, 'number');
export const i8: Int<number> = /* @__PURE__ */ int('i8', 1, true, 'number');
export const u16: Int<number> = /* @__PURE__ */ int('u16', 2, false, 'number');
export const i16: Int<number> = /* @__PURE__ */ int('i16', 2, true, 'number');
export const u32: Int<number> = /* @__PURE__ */ int('u32', 4, false, 'number');
export const i32: Int<number> = /* @__PURE__ */ int('i32', 4, true, 'number');
export const u64: Int<bigint> = /* @__PURE__ */ int('u64', 8, false, 'bigint');
export const i64: Int<bigint> = /* @__PURE__ */ int('i64', 8, true, 'bigint');
/** `long` and `unsigned long`: 4 or 8 bytes, a bigint on every ABI. */
export const long: Int<bigint> = /* @__PURE__ */ int('long', 'long', true, 'bigint');
export const ulong: Int<bigint> = /* @__PURE__ */ int('unsigned long', 'long', false, 'bigint');
export const size_t: Int<bigint> = /* @__PURE__ */ int('size_t', 'size_t', false, 'bigint');
export const time_t: Int<bigint> = /* @__PURE__ */ int('time_t', 'time_t', true, 'bigint');
export const uintptr_t: Int<bigint> = /* @__PURE__ */ int('uintptr_t', 'pointer', false, 'bigint');

/** An integer that is big-endian on every ABI, as `__be32` is. */
export function be<V extends number | bigint>(type: Int<V>): Int<V> {
  return Object.freeze({
    ...type,
    name: type.name.replace(/^([ui])(\d)/, '$1be$2').replace(/^ube/, 'be'),
    order: 'big',
  });
}
/** An integer that is little-endian on every ABI, as `__le32` is. */
export function le<V extends number | bigint>(type: Int<V>): Int<V> {
  return Object.freeze({
    ...type,
    name: type.name.replace(/^([ui])(\d)/, '$1le$2').replace(/^ule/, 'le'),
    order: 'little',
  });
}
export const be16: Int<number> = /* @__PURE__ */ be(u16);
export const be32: Int<number> = /* @__PURE__ */ be(u32);
export const be64: Int<bigint> = /* @__PURE__ */ be(u64);
export const le16: Int<number> = /* @__PURE__ */ le(u16);
export const le32: Int<number> = /* @__PURE__ */ le(u32);
export const le64: Int<bigint> = /* @__PURE__ */ le(u64);

/** The same integer as a JavaScript `number`: decode throws `unsafe-integer` beyond 2^53 - 1. */
export function asNumber(type: Int): Int<number> {
  return Object.freeze({
    ...int<number>(type.name, type.size, type.signed, 'number'),
    order: type.order,
    format: type.format,
  });
}
/** The same integer as a `bigint`. */
export function asBigInt(type: Int): Int<bigint> {
  return Object.freeze({
    ...int<bigint>(type.name, type.size, type.signed, 'bigint'),
    order: type.order,
    format: type.format,
  });
}
/** The same integer, written in hexadecimal by everything that shows it. */
export function hex<V extends number | bigint>(type: Int<V>): Int<V> {
  return Object.freeze({ ...type, format: 'hex' });
}

type Members = Readonly<Record<string, number | bigint>>;

/** An enum: the value stays a number, its names are known to everything that shows or checks it. */
export function enumeration<V extends number | bigint>(
  name: string,
  base: Int<V>,
  members: Members,
): Enum<V> {
  return Object.freeze({ kind: 'enum', name, base, members: Object.freeze({ ...members }) });
}
/** A flag set. A member may be a mask of several bits. */
export function flags<V extends number | bigint>(name: string, base: Int<V>, members: Members): Flags<V> {
  return Object.freeze({ kind: 'flags', name, base, members: Object.freeze({ ...members }) });
}

/** A kernel pointer: its size follows the ABI. */
export function pointer<T extends Schema = Schema>(target?: () => T): Pointer<T> {
  return Object.freeze({ kind: 'pointer', space: 'virt', base: hex(uintptr_t), target });
}
/** A physical address in 64 bits (or in `base`), typed by what lies there. */
export function phys<T extends Schema = Schema>(target?: () => T, base: Int = u64): Pointer<T> {
  return Object.freeze({ kind: 'pointer', space: 'phys', base: hex(asBigInt(base)), target });
}

type Wide = 54 | 55 | 56 | 57 | 58 | 59 | 60 | 61 | 62 | 63 | 64;

/** A bit-field of `width` bits, `bits(u32, 3)` for `u32 x : 3`. Up to 53 bits the value is a number. */
export function bits<const W extends number>(
  base: Int | Enum | Flags,
  width: W,
): Bits<number extends W ? number | bigint : W extends Wide ? bigint : number> {
  if (!Number.isInteger(width) || width < 1 || width > 64)
    fail('schema-invalid', `a bit-field has 1 to 64 bits, not ${width}`);
  checkInteger(base, 'a bit-field');
  return Object.freeze({ kind: 'bits', base, width });
}
/** An unnamed bit-field, `u32 : 3`; with width 0, the end of the storage unit. */
export function unnamed(base: Int, width: number): UnnamedBits {
  if (!Number.isInteger(width) || width < 0 || width > 64)
    fail('schema-invalid', `an unnamed bit-field has 0 to 64 bits, not ${width}`);
  checkInteger(base, 'a bit-field');
  return Object.freeze({ kind: 'unnamed', hidden: true, base, width });
}

// --- text and bytes ----------------------------------------------------------------------------------------

/** `char name[length]`. */
export function chars(length: Length): Chars {
  return Object.freeze({ kind: 'chars', length: checkLength(length) });
}
/** `u8 name[length]`, as a `Uint8Array`; `text` says how people write it. */
export function bytes(length: Length, text?: TextForm): Bytes {
  return Object.freeze({ kind: 'bytes', length: checkLength(length), text });
}

// --- aggregates --------------------------------------------------------------------------------------------

/** The value of the field `path`, as the length of an array or the tag of a union. */
export function field(path: string): Ref {
  return Object.freeze(checkRef({ ref: path }, 'a reference'));
}
/** An array's length is the value of that field: `array(Folio, countedBy('nr_folios'))`. */
export const countedBy: (path: string) => Ref = field;
/** An array takes all that the enclosing block, or the input, has left. */
export const rest = 'rest';

/** `T name[length]`. */
export function array<E extends Schema>(element: E, length: Length): ArrayOf<E> {
  return Object.freeze({ kind: 'array', element, length: checkLength(length) });
}

export interface AggregateOptions {
  /** `__attribute__((packed))`. */
  readonly packed?: boolean;
  /** `__attribute__((aligned(N)))`. */
  readonly aligned?: number;
}

/**
 * A C struct. Fields are laid out in the order in which they are written.
 *
 * @example
 * const Point = struct('point', { x: i32, y: i32 });
 * decode(Point, Uint8Array.of(1, 0, 0, 0, 2, 0, 0, 0), { abi: ABI.x86_64 }) // => { x: 1, y: 2 }
 */
export function struct<const F extends Fields>(
  name: string,
  fields: F,
  options: AggregateOptions = {},
): Struct<F> {
  return Object.freeze({ kind: 'struct', name, ...aggregate(name, fields, options) });
}
/** A C union of which every member is read. Encoding takes one member, or several that agree. */
export function union<const F extends Fields>(
  name: string,
  fields: F,
  options: AggregateOptions = {},
): Union<F> {
  return Object.freeze({ kind: 'union', name, ...aggregate(name, fields, options) });
}
/**
 * A C union whose member is told by another field: `arms` maps that field's values to members. A value that
 * `arms` does not name gives the union's bytes as `$raw`.
 *
 * `by` may go through a pointer, `iommu_phys.type`; it is followed if decode is given memory to read.
 */
export function taggedUnion<const F extends Fields>(
  name: string,
  by: Ref,
  arms: Readonly<Record<string, keyof F & string>>,
  fields: F,
  options: AggregateOptions = {},
): TaggedUnion<F> {
  checkRef(by, `the tag of union ${name}`);
  for (const [tag, arm] of Object.entries(arms))
    if (!Object.hasOwn(fields, arm))
      fail('schema-invalid', `union ${name} has no member ${arm} for the tag ${tag}`);
  return Object.freeze({
    kind: 'tagged',
    name,
    by,
    arms: Object.freeze({ ...arms }),
    ...aggregate(name, fields, options),
  });
}
/** An anonymous struct or union: its members appear in the enclosing one. Its key is only a label. */
export function anonymous<S extends Struct | Union | TaggedUnion>(type: S): Anonymous<S> {
  return Object.freeze({ kind: 'anonymous', type });
}
/** One member with `__attribute__((aligned(N)))`, e.g. `aligned(u64, 8)` for `aligned_u64`. */
export function aligned<S extends Schema>(type: S, alignment: number): Attributed<S> {
  return Object.freeze({
    kind: 'attributed',
    type,
    aligned: checkAlignment('a member', alignment),
    packed: false,
  });
}
/** One member with `__attribute__((packed))`. */
export function packed<S extends Schema>(type: S): Attributed<S> {
  return Object.freeze({ kind: 'attributed', type, aligned: undefined, packed: true });
}
/** A field that must be zero: not in the value, a finding if it is not zero, kept all the same. */
export function reserved<S extends Schema>(type: S): Reserved<S> {
  return Object.freeze({ kind: 'reserved', hidden: true, type });
}
/** A field with one right value. */
export function magic<S extends Int | Bytes | Chars>(
  type: S,
  value: ValueOf<S> & (number | bigint | string | Uint8Array),
): Magic<S> {
  return Object.freeze({ kind: 'magic', derivable: true, type, value });
}
/** A field that encode computes and decode checks. */
export function derived<S extends Int | Enum>(type: S, rule: DerivedRule): Derived<S> {
  if (typeof rule?.rule !== 'string')
    fail('schema-invalid', 'a derived field has a rule: countOf, sizeOf, sizeOfStruct or checksum');
  return Object.freeze({ kind: 'derived', derivable: true, type, rule: Object.freeze({ ...rule }) });
}
/** The number of elements of the array at that path: `derived(u32, countOf('files'))`. */
export function countOf(path: string): DerivedRule {
  return { rule: 'count', of: path };
}
/** The number of bytes that the field at that path takes. */
export function sizeOf(path: string): DerivedRule {
  return { rule: 'size', of: path };
}
/** The number of bytes of the struct that the field stands in. */
export const sizeOfStruct: DerivedRule = Object.freeze({ rule: 'size-of-struct' });
/** A checksum of the bytes of the struct that the field stands in; the field itself reads as zero. */
export function checksum(name: string, compute: (bytes: Uint8Array) => number | bigint): DerivedRule {
  return { rule: 'checksum', name, compute };
}
/** There only if the condition holds, e.g. `optional(bytes(field('sndq')), { ref: 'tcpi_state', is: 'different', value: 0 })`. */
export function optional<S extends Schema>(type: S, when: Condition): Optional<S> {
  checkRef(when, 'a condition');
  return Object.freeze({ kind: 'optional', optional: true, type, when: Object.freeze({ ...when }) });
}
/** One of several schemas, by the value of a field or parameter: `versioned('ext', field('version'), { 1: V1, 2: V2 })`. */
export function versioned<const C extends Readonly<Record<string, Schema>>>(
  name: string,
  by: Ref,
  cases: C,
): Versioned<C> {
  checkRef(by, `the version of ${name}`);
  return Object.freeze({ kind: 'versioned', name, by, cases: Object.freeze({ ...cases }) });
}
/** Content in a block of a fixed size, e.g. a page: `block(Session, 'page')`. */
export function block<S extends Schema>(type: S, size: Block['size']): Block<S> {
  return Object.freeze({ kind: 'block', type, size: size === 'page' ? size : checkBlockSize(size) });
}
/**
 * A header from whose bytes the ABI is found. Probes run in the order in which they are written; each one
 * that fails is an error with its reason; encode writes the same hints for the ABI it is given.
 */
export function negotiated<S extends Struct, const P extends Probes>(type: S, probes: P): Negotiated<S, P> {
  for (const probe of Object.values(probes) as readonly { field: string }[])
    if (typeof probe?.field !== 'string' || !Object.hasOwn(type.fields, probe.field))
      fail('schema-invalid', `struct ${type.name} has no field ${probe?.field} to probe`);
  return Object.freeze({ kind: 'negotiated', type, probes: Object.freeze<Probes>({ ...probes }) });
}
/** The byte order is the one in which the field reads as this number. */
export function byMagic<const F extends string>(path: F, value: number | bigint): MagicProbe<F> {
  return { probe: 'magic', field: path, value };
}
/** The byte order is named by a field that is one byte, or of fixed order. */
export function byOrder<const F extends string>(path: F, little: number, big: number): OrderProbe<F> {
  return { probe: 'order', field: path, little, big };
}
/** The part is the value of a field. */
export function byField<const F extends string>(path: F, allowed: readonly number[]): FieldProbe<F> {
  return { probe: 'field', field: path, allowed };
}
/** A type of another library. */
export function foreign<V>(type: Omit<Foreign<V>, 'kind'>): Foreign<V> {
  return Object.freeze({ kind: 'foreign', ...type });
}

// --- what a declaration must not be ------------------------------------------------------------------------

/** Names that a value could not have as an own property, that a path could not hold, or that carryover keeps for itself. */
const FORBIDDEN = /^(__proto__$|\$|\d+$|$)|[.[\]+:<>]/;

function aggregate<F extends Fields>(name: string, fields: F, options: AggregateOptions) {
  for (const [key, type] of Object.entries(fields)) {
    if (FORBIDDEN.test(key))
      fail('schema-invalid', `${JSON.stringify(key)} cannot be the name of a field of ${name}`);
    // Most often it is declared in a module that imports this one, and is not there yet.
    if (typeof type?.kind !== 'string')
      fail('schema-invalid', 'the field is of no type', { path: [name, key], found: `${typeof type}` });
  }
  return {
    fields: Object.freeze({ ...fields }),
    packed: options.packed ?? false,
    aligned: options.aligned === undefined ? undefined : checkAlignment(name, options.aligned),
  };
}
function checkAlignment(what: string, alignment: number): number {
  if (
    !Number.isInteger(alignment) ||
    alignment < 1 ||
    alignment > 2 ** 28 ||
    (alignment & (alignment - 1)) !== 0
  )
    fail('schema-invalid', `${what} is aligned to a power of two, not ${alignment}`);
  return alignment;
}
function checkInteger(base: Int | Enum | Flags, what: string): void {
  if (base?.kind !== 'int' && base?.kind !== 'enum' && base?.kind !== 'flags')
    fail('schema-invalid', `${what} is of an integer type`, {
      found: String((base as Schema | undefined)?.kind),
    });
}
function checkLength(length: Length): Length {
  if (typeof length === 'object') return Object.freeze({ ...checkRef(length, 'the length of an array') });
  if (length !== rest && !(Number.isSafeInteger(length) && length >= 0))
    fail(
      'schema-invalid',
      `the length of an array is a whole number, a field or the rest, not ${String(length)}`,
    );
  return length;
}
function checkBlockSize(size: number | Ref): number | Ref {
  const length = checkLength(size);
  if (length === rest) fail('schema-invalid', 'a block has a size of its own');
  return length;
}
/** A reference, a condition or what else names a field. */
function checkRef<R extends Ref>(given: R, what: string): R {
  if (typeof given?.ref !== 'string')
    fail('schema-invalid', `${what} refers to a field by its name`, { found: `${typeof given?.ref}` });
  return given;
}
