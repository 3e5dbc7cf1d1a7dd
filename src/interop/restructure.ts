/**
 * Schemas as types of the library restructure, and its types inside our schemas.
 *
 * {@link toRestructure} composes a type of the library's own numbers, arrays and structs, with small types of
 * our own for what it has none for: integers of 64 bits, bit-fields as C lays them out, padding and text that
 * notice the end of the input. {@link asRestructure} takes every schema, and goes through our codec.
 *
 * What is lost with the first: slack is skipped and written as zeros, integers that do not fit are cut off
 * without a word, and errors are bare `RangeError`s.
 */
import type { ABI } from '../codec/abi.js';
import {
  alignFrom,
  dataView,
  readBigBits,
  readBits,
  toHex,
  writeBigBits,
  writeBits,
} from '../codec/bytes.js';
import { decodeAt } from '../codec/decode.js';
import { encode } from '../codec/encode.js';
import { CarryoverError, type Path } from '../codec/error.js';
import {
  type FieldPlan,
  type IntPlan,
  type Plan,
  type PlanCondition,
  type PlanKind,
  type PlanLength,
  type PlanOf,
  type PlanRef,
  planOf,
  type StructPlan,
} from '../codec/plan.js';
import { sameScalar } from '../codec/read.js';
import { conditionHolds, type Params, resolveRef } from '../codec/refs.js';
import { type Foreign, foreign, type InputOf, type Schema, type ValueOf } from '../codec/schema.js';
import { readText, textBytes } from '../codec/text.js';

/** The library's reading position. */
export interface DecodeStream {
  readonly buffer: Uint8Array;
  readonly view: DataView;
  readonly length: number;
  pos: number;
}
/** The library's writing position. */
export interface EncodeStream {
  readonly buffer: Uint8Array;
  readonly view: DataView;
  pos: number;
}
/** What the library takes for a type. */
export interface RestructureType<V = unknown> {
  decode(stream: DecodeStream, parent?: unknown): V;
  size(value?: V, parent?: unknown): number;
  encode(stream: EncodeStream, value: V, parent?: unknown): unknown;
}
/** As much of the library as is needed; it has no types of its own. */
export interface Restructure {
  readonly DecodeStream: new (bytes: Uint8Array) => DecodeStream;
  readonly EncodeStream: new (bytes: Uint8Array) => EncodeStream;
  readonly Struct: new (fields: Record<string, RestructureType>) => RestructureType;
  readonly Array: new (
    type: RestructureType,
    length?: number | ((parent: unknown) => number),
  ) => RestructureType;
  readonly uint8: RestructureType;
  readonly uint16le: RestructureType;
  readonly uint16be: RestructureType;
  readonly uint32le: RestructureType;
  readonly uint32be: RestructureType;
  readonly int8: RestructureType;
  readonly int16le: RestructureType;
  readonly int16be: RestructureType;
  readonly int32le: RestructureType;
  readonly int32be: RestructureType;
}

interface CodecOptions {
  readonly abi?: ABI;
  /** Values for references that no field answers. */
  readonly params?: Params;
}
export interface RestructureOptions extends CodecOptions {
  /** The library, `import * as r from 'restructure'`. It is given, so that carryover does not depend on it. */
  readonly r: Restructure;
}

/** A part of a schema that the library has no means for. */
export interface Unsupported {
  readonly path: Path;
  /** The kind of plan, or what about it. */
  readonly kind: string;
  readonly why: string;
}

/**
 * The schema as a type composed of the library's own.
 *
 * @throws `interop-unsupported` with the path and the reason, where the library cannot express it;
 * {@link asRestructure} can.
 */
export function toRestructure(schema: Schema, options: RestructureOptions): RestructureType {
  const builder = new Builder(options.r, options.params, ({ kind, why, path }) => {
    throw new CarryoverError('interop-unsupported', `restructure cannot express this ${kind}: ${why}`, {
      path,
    });
  });
  return builder.make(planOf(schema, options.abi));
}

/** All that keeps a schema from being composed of the library's types; empty if nothing does. */
export function unsupportedIn(schema: Schema, options: RestructureOptions): Unsupported[] {
  const found: Unsupported[] = [];
  const builder = new Builder(options.r, options.params, (refused) => found.push(refused));
  builder.make(planOf(schema, options.abi));
  return found;
}

/** Any schema as a type of the library, by way of our codec: exact, lossless, with our errors. */
export function asRestructure<S extends Schema>(schema: S, options: CodecOptions = {}) {
  const { abi, params } = options;
  const given = { ...(abi && { abi }), ...(params && { params }) };
  return {
    decode(stream: DecodeStream, _parent?: unknown): ValueOf<S> {
      const { value, size } = decodeAt(schema, stream.buffer, stream.pos, given);
      stream.pos += size;
      return value;
    },
    size(value: InputOf<S>, _parent?: unknown): number {
      return encode(schema, value, given).length;
    },
    encode(stream: EncodeStream, value: InputOf<S>, _parent?: unknown): void {
      const bytes = encode(schema, value, given);
      stream.buffer.set(bytes, stream.pos);
      stream.pos += bytes.length;
    },
  };
}

/**
 * A type of the library inside our schemas. It is given all bytes of the input, or of the block it stands in.
 * `size` is given where it is the same for all values.
 */
export function fromRestructure<V>(
  type: RestructureType<V>,
  options: { readonly r: Restructure; readonly name: string; readonly size?: number },
): Foreign<V> {
  const { r, name, size } = options;
  return foreign<V>({
    name,
    size,
    decode(bytes, offset) {
      const stream = new r.DecodeStream(bytes);
      stream.pos = offset;
      const value = type.decode(stream);
      // The library's buffers and reserved parts go past the end without a word.
      if (stream.pos > bytes.length) throw new RangeError(`${name} ends beyond the input`);
      return { value, size: stream.pos - offset };
    },
    encode(value) {
      const bytes = new Uint8Array(type.size(value));
      type.encode(new r.EncodeStream(bytes), value);
      return bytes;
    },
  });
}

// --- composing ---------------------------------------------------------------------------------------------

/** Names that the library keeps for itself in what it decodes, and cannot be set. */
const TAKEN: ReadonlySet<string> = new Set(['parent', '_startOffset', '_currentOffset', '_length']);

class Builder {
  readonly r: Restructure;
  readonly params: Params | undefined;
  private readonly refused: (what: Unsupported) => void;
  private readonly path: (string | number)[] = [];
  /** Whether what is made is the last thing in the input. */
  private last = true;

  constructor(r: Restructure, params: Params | undefined, refused: (what: Unsupported) => void) {
    this.r = r;
    this.params = params;
    this.refused = refused;
  }

  make(plan: Plan): RestructureType {
    return (makers[plan.kind] as (plan: Plan, builder: Builder) => RestructureType)(plan, this);
  }

  /** Notes what cannot be done, and gives a type to go on with. */
  refuse(kind: string, why: string): RestructureType {
    this.refused({ path: [...this.path], kind, why });
    return this.r.uint8;
  }

  within<T>(key: string | number, last: boolean, work: () => T): T {
    const outer = this.last;
    this.last = outer && last;
    this.path.push(key);
    const made = work();
    this.path.pop();
    this.last = outer;
    return made;
  }

  struct(plan: StructPlan): RestructureType {
    const fields: Record<string, RestructureType> = {};
    for (const [index, segment] of plan.segments.entries()) {
      const final = index === plan.segments.length - 1;
      if (index > 0 && segment.align > 1)
        this.refuse('alignment', `after a part of variable size nothing can be aligned to ${segment.align}`);
      let position = 0;
      for (const item of segment.items) {
        if (item.item === 'gap') continue;
        if (item.offset > position) fields[`+${index}.${position}`] = padding(item.offset - position);
        const back = Math.max(0, position - item.offset);
        fields[item.key] = this.field(item, back, final && segment.variable === undefined);
        position = Math.max(position, item.offset + (item.plan.size ?? 0));
      }
      if (segment.size > position) fields[`+${index}.${position}`] = padding(segment.size - position);
      const { variable } = segment;
      if (variable === undefined) continue;
      const start = alignFrom(0, segment.size, variable.plan.align);
      if (index > 0 && variable.plan.align > 1)
        this.refuse(
          'alignment',
          `after a part of variable size nothing can be aligned to ${variable.plan.align}`,
        );
      const type = this.field(variable, 0, final);
      const padded = start === segment.size ? type : following(padding(start - segment.size), type);
      fields[variable.key] = variable.when === undefined ? padded : this.optional(padded, variable.when);
    }
    return new this.r.Struct(fields);
  }

  /** A field that begins so many bytes before where the one before it ended. */
  private field(field: FieldPlan, back: number, last: boolean): RestructureType {
    const { key, plan, magic, derived } = field;
    return this.within(key, last, () => {
      if (field.inline)
        return this.refuse('anonymous member', 'a field is one value of the object around it');
      if (TAKEN.has(key)) return this.refuse('name', `the library keeps ${key} for itself`);
      if (derived !== undefined && derived.rule !== 'abi')
        return this.refuse('derived field', 'the library checks and computes nothing');
      const type = plan.kind === 'bits' ? bitField(plan, back) : this.make(plan);
      const right = magic ?? derived?.value;
      return right === undefined ? type : constant(type, right);
    });
  }

  private optional(type: RestructureType, when: PlanCondition): RestructureType {
    const find = this.reference(when.ref);
    const there = (parent: unknown, mode: Mode): boolean => holds(find(parent, mode), when);
    return {
      decode: (stream, parent) => (there(parent, 'decode') ? type.decode(stream, parent) : undefined),
      size: (value, parent) => (there(parent, 'encode') ? type.size(value, parent) : 0),
      encode: (stream, value, parent) => {
        if (there(parent, 'encode')) type.encode(stream, value, parent);
      },
    };
  }

  /** What a reference means, seen from the struct that the library calls the parent. */
  reference(ref: PlanRef): (parent: unknown, mode: Mode) => number | bigint | undefined {
    const { params } = this;
    const none = { memory: undefined, readTarget: () => undefined };
    if (ref.up < 0) return () => resolveRef(ref, { scopes: [], params, ...none });
    if (ref.through !== undefined) this.refuse('reference', `${ref.text} leads through a pointer`);
    const direct = { ...ref, up: 0 };
    return (parent, mode) => {
      // Decoding, the parent is the value; encoding, something that has it.
      let scope = parent as { parent?: unknown; val?: unknown } | undefined;
      for (let i = 0; i < ref.up; i++) scope = scope?.parent as typeof scope;
      const value = mode === 'decode' ? scope : scope?.val;
      return resolveRef(direct, { scopes: [value as Record<string, unknown>], params: undefined, ...none });
    };
  }

  /** How many elements there are while decoding; undefined for all that is left. */
  length(length: PlanLength): ((parent: unknown) => number) | undefined {
    if (length.length === 'fixed') return () => length.count;
    if (length.length === 'rest') {
      if (!this.last) this.refuse('rest', 'the library knows the end of the input only');
      return undefined;
    }
    const find = this.reference(length.ref);
    return (parent) => {
      const count = Number(find(parent, 'decode'));
      if (!Number.isSafeInteger(count) || count < 0)
        throw new RangeError(`${length.ref.text} is no length: ${count}`);
      return count;
    };
  }
}

type Mode = 'decode' | 'encode';

const makers: { [K in PlanKind]: (plan: PlanOf<K>, builder: Builder) => RestructureType } = {
  int: (plan, { r }) => {
    if (plan.size === 8) return wide(plan);
    const type = r[numberOf(plan)];
    return plan.as === 'number' ? type : big(type);
  },
  bits: (plan) => bitField(plan, 0),
  chars: (plan, builder) =>
    buffer(
      builder.length(plan.length),
      plan.size,
      (bytes) => {
        const nul = bytes.indexOf(0);
        return readText(dataView(bytes), 0, nul < 0 ? bytes.length : nul);
      },
      (value) => textBytes(String(value)) ?? fail(value),
      plan.length.length === 'ref' ? builder.reference(plan.length.ref) : undefined,
    ),
  bytes: (plan, builder) =>
    buffer(
      builder.length(plan.length),
      plan.size,
      (bytes) => bytes.slice(),
      (value) => (value instanceof Uint8Array ? value : fail(value)),
    ),
  array: (plan, builder) => {
    if (plan.element.minSize === 0)
      builder.refuse('array', 'elements that may take no bytes would be read without end');
    const length = builder.length(plan.length);
    const element = builder.within('[]', false, () => builder.make(plan.element));
    return length === undefined ? new builder.r.Array(element) : new builder.r.Array(element, length);
  },
  struct: (plan, builder) => builder.struct(plan),
  union: (_plan, builder) => builder.refuse('union', 'the library has no overlapping members'),
  tagged: (_plan, builder) => builder.refuse('union', 'the library has no overlapping members'),
  versioned: (_plan, builder) =>
    builder.refuse('versioned part', 'the library puts the version into the value of the part'),
  block: (_plan, builder) => builder.refuse('block', 'the library knows the end of the input only'),
  foreign: (_plan, builder) => builder.refuse('foreign type', 'it is of another library'),
};

type NumberName = `${'uint' | 'int'}${'8' | `${16 | 32}${'le' | 'be'}`}`;

function numberOf(plan: IntPlan): NumberName {
  const sign = plan.signed ? 'int' : 'uint';
  if (plan.size === 1) return `${sign}8`;
  return `${sign}${plan.size === 2 ? 16 : 32}${plan.little ? 'le' : 'be'}`;
}

/** An integer of 64 bits, which the library has no type for. */
function wide({ signed, little, as }: IntPlan): RestructureType {
  return {
    decode(stream) {
      const { pos, view } = stream;
      const value = signed ? view.getBigInt64(pos, little) : view.getBigUint64(pos, little);
      stream.pos += 8;
      if (as === 'bigint') return value;
      const number = Number(value);
      if (!Number.isSafeInteger(number)) throw new RangeError(`${value} is not exact as a number`);
      return number;
    },
    size: () => 8,
    encode(stream, value) {
      stream.view.setBigUint64(stream.pos, BigInt.asUintN(64, BigInt(value as number | bigint)), little);
      stream.pos += 8;
    },
  };
}
/** A smaller integer whose value is a bigint all the same. */
function big(type: RestructureType): RestructureType {
  return {
    decode: (stream) => BigInt(type.decode(stream) as number),
    size: () => type.size(),
    encode: (stream, value) => type.encode(stream, Number(value)),
  };
}

/** A bit-field that begins so many bytes before the position, where another one has ended within a byte. */
function bitField(plan: PlanOf<'bits'>, back: number): RestructureType {
  const { shift, width, msb, signed, size } = plan;
  return {
    decode(stream) {
      const at = stream.pos - back;
      stream.pos = at + size + Math.max(0, back - size);
      if (plan.as === 'bigint') {
        const value = readBigBits(stream.view, at, shift, width, msb);
        return signed ? BigInt.asIntN(width, value) : value;
      }
      const value = readBits(stream.view, at, shift, width, msb);
      return signed && value >= 2 ** (width - 1) ? value - 2 ** width : value;
    },
    size: () => Math.max(0, size - back),
    encode(stream, value) {
      const at = stream.pos - back;
      stream.pos = at + size + Math.max(0, back - size);
      if (width > 53) writeBigBits(stream.view, at, shift, width, msb, BigInt(value as number | bigint));
      else writeBits(stream.view, at, shift, width, msb, Number(value));
    },
  };
}

/** Bytes that are no part of the value. The library's own would go past the end without a word. */
function padding(size: number): RestructureType {
  return {
    decode(stream) {
      take(stream, size);
      return undefined;
    },
    size: () => size,
    encode(stream) {
      stream.pos += size;
    },
  };
}
function following(first: RestructureType, then: RestructureType): RestructureType {
  return {
    decode(stream, parent) {
      first.decode(stream, parent);
      return then.decode(stream, parent);
    },
    size: (value, parent) => first.size(undefined, parent) + then.size(value, parent),
    encode(stream, value, parent) {
      first.encode(stream, undefined, parent);
      then.encode(stream, value, parent);
    },
  };
}

/** Bytes of a length that is fixed, told by a field, or that of the rest. */
function buffer(
  length: ((parent: unknown) => number) | undefined,
  fixed: number | undefined,
  from: (bytes: Uint8Array) => unknown,
  to: (value: unknown) => Uint8Array,
  told?: (parent: unknown, mode: Mode) => number | bigint | undefined,
): RestructureType {
  const sizeOf = (value: unknown, parent: unknown): number =>
    fixed ?? Number(told?.(parent, 'encode') ?? to(value).length);
  return {
    decode: (stream, parent) => from(take(stream, length?.(parent) ?? stream.length - stream.pos)),
    size: sizeOf,
    encode(stream, value, parent) {
      stream.buffer.set(to(value), stream.pos);
      stream.pos += sizeOf(value, parent);
    },
  };
}
function take(stream: DecodeStream, size: number): Uint8Array {
  const { pos } = stream;
  if (pos + size > stream.length)
    throw new RangeError(`needs ${size} bytes, but only ${stream.length - pos} are left`);
  stream.pos += size;
  return stream.buffer.subarray(pos, pos + size);
}

/** A field with one right value. */
function constant(type: RestructureType, right: number | bigint | string | Uint8Array): RestructureType {
  return {
    decode(stream, parent) {
      const value = type.decode(stream, parent);
      if (!sameScalar(value, right)) throw new RangeError(`this is ${show(value)}, not ${show(right)}`);
      return value;
    },
    size: (_value, parent) => type.size(right, parent),
    encode: (stream, _value, parent) => type.encode(stream, right, parent),
  };
}
function show(value: unknown): string {
  return value instanceof Uint8Array ? toHex(value) : String(value);
}
function fail(value: unknown): never {
  throw new TypeError(`${String(value)} is not of the field's type`);
}
function holds(found: number | bigint | undefined, when: PlanCondition): boolean {
  if (found === undefined) return false;
  const ref = { text: 'found', up: -1, path: ['found'], through: undefined };
  const scope = { scopes: [], params: { found }, memory: undefined, readTarget: () => undefined };
  return conditionHolds({ ...when, ref }, scope) === true;
}
