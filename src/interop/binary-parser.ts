/**
 * Schemas as parsers of the library binary-parser, for code that is built on it. What it parses is what our
 * decode gives; what it cannot express is refused with a reason, never parsed as something else.
 *
 * What is lost: slack is skipped, not kept; bytes after the end are not noticed; errors are bare `RangeError`s
 * without code, path or offset; and the library generates code at run time.
 */
import type { ABI } from '../codec/abi.js';
import { alignFrom, byteArray, dataView, readBigBits, readBits } from '../codec/bytes.js';
import { CarryoverError, type Path } from '../codec/error.js';
import {
  type BitsPlan,
  type FieldPlan,
  type IntPlan,
  type Plan,
  type PlanKind,
  type PlanLength,
  type PlanOf,
  type PlanRef,
  planOf,
  type StructPlan,
} from '../codec/plan.js';
import { sameScalar } from '../codec/read.js';
import { conditionHolds, type Params, resolveRef } from '../codec/refs.js';
import type { Schema } from '../codec/schema.js';
import { readText } from '../codec/text.js';

/** As much of binary-parser's Parser as is needed; its own types cannot be resolved under `nodenext`. */
export interface BinaryParser {
  nest(name: string, options: object): this;
  array(name: string, options: object): this;
  choice(options: object): this;
  choice(name: string, options: object): this;
  buffer(name: string, options: object): this;
  wrapped(options: object): this;
  saveOffset(name: string, options?: object): this;
  seek(length: number | ((this: unknown) => number)): this;
  useContextVars(use?: boolean): this;
  uint8(name: string, options?: object): this;
  uint16le(name: string, options?: object): this;
  uint16be(name: string, options?: object): this;
  uint32le(name: string, options?: object): this;
  uint32be(name: string, options?: object): this;
  uint64le(name: string, options?: object): this;
  uint64be(name: string, options?: object): this;
  int8(name: string, options?: object): this;
  int16le(name: string, options?: object): this;
  int16be(name: string, options?: object): this;
  int32le(name: string, options?: object): this;
  int32be(name: string, options?: object): this;
  int64le(name: string, options?: object): this;
  int64be(name: string, options?: object): this;
  parse(bytes: Uint8Array): unknown;
}

export interface BinaryParserOptions<P extends BinaryParser = BinaryParser> {
  readonly abi?: ABI;
  /** The class `Parser` of the library. It is given, so that carryover does not depend on it. */
  readonly Parser: new () => P;
  /** Values for references that no field answers. */
  readonly params?: Params;
}

/** A part of a schema that the library has no means for. */
export interface Unsupported {
  readonly path: Path;
  /** The kind of plan or reference. */
  readonly kind: string;
  readonly why: string;
}

/**
 * The schema as a parser of binary-parser: `parse(bytes)` gives what `decode` gives.
 *
 * @throws `interop-unsupported` with the path and the reason, where the library cannot express it.
 * @example
 * toBinaryParser(struct('pair', { a: u8, b: be16 }, { packed: true }), { Parser }).parse(Uint8Array.of(1, 0, 2)) // { a: 1, b: 2 }
 */
export function toBinaryParser<P extends BinaryParser>(schema: Schema, options: BinaryParserOptions<P>): P {
  const parser = new options.Parser();
  new Builder(options.Parser, options.params, ({ kind, why, path }) => {
    throw new CarryoverError('interop-unsupported', `binary-parser cannot express this ${kind}: ${why}`, {
      path,
    });
  }).root(parser, planOf(schema, options.abi));
  return parser;
}

/** All that keeps a schema from being a parser of binary-parser; empty if nothing does. */
export function unsupportedIn(
  schema: Schema,
  options: Pick<BinaryParserOptions, 'abi' | 'params'> = {},
): Unsupported[] {
  const found: Unsupported[] = [];
  const builder = new Builder(NoParser, options.params, (refused) => found.push(refused));
  builder.root(new NoParser(), planOf(schema, options.abi));
  return found;
}

/** A field is put into the parser under a name, and its value through `post`. */
type Emitter<K extends PlanKind> = (
  plan: PlanOf<K>,
  parser: BinaryParser,
  key: string,
  post: Post,
  builder: Builder,
) => void;
type Post = ((value: unknown) => unknown) | undefined;

/** Where the structs around stand in what the library calls `$parent`s. */
interface Frame {
  readonly plan: StructPlan;
  readonly level: number;
}

class Builder {
  readonly Parser: new () => BinaryParser;
  readonly params: Params | undefined;
  private readonly refused: (what: Unsupported) => void;
  private readonly path: (string | number)[] = [];
  private readonly frames: Frame[] = [];
  /** How many objects deep we are. */
  private level = 0;
  private usesParents = false;

  constructor(
    Parser: new () => BinaryParser,
    params: Params | undefined,
    refused: (what: Unsupported) => void,
  ) {
    this.Parser = Parser;
    this.params = params;
    this.refused = refused;
  }

  root(parser: BinaryParser, plan: Plan): void {
    if (plan.kind === 'struct') this.struct(parser, plan);
    else if (plan.kind === 'union') this.union(parser, plan);
    else this.refuse(plan.kind, 'a parser gives an object, so the whole must be a struct');
    if (this.usesParents) parser.useContextVars(true);
  }

  refuse(kind: string, why: string): void {
    this.refused({ path: [...this.path], kind, why });
  }

  /** A parser for an object of its own. */
  nested(fill: (parser: BinaryParser) => void): BinaryParser {
    const parser = new this.Parser();
    this.level++;
    fill(parser);
    this.level--;
    return parser;
  }

  put(plan: Plan, parser: BinaryParser, key: string, post: Post): void {
    (emitters[plan.kind] as Emitter<PlanKind>)(plan, parser, key, post, this);
  }

  struct(parser: BinaryParser, plan: StructPlan): void {
    this.frames.push({ plan, level: this.level });
    const align = this.aligner(parser, plan);
    for (const [index, segment] of plan.segments.entries()) {
      if (index > 0) align(parser, segment.align);
      const fields = segment.items.filter((item) => item.item === 'field');
      const end = Math.max(0, ...fields.map(({ offset, plan }) => offset + (plan.size ?? 0)));
      // Padding at the end is not read by anything else.
      if (end < segment.size || fields.every(({ plan }) => plan.size === 0))
        this.ensure(parser, fields, segment.size);
      let position = 0;
      for (const item of segment.items) {
        if (item.item === 'gap') continue;
        skip(parser, item.offset - position);
        this.field(parser, item);
        position = item.offset + (item.plan.size ?? 0);
      }
      skip(parser, segment.size - position);
      const { variable } = segment;
      if (variable === undefined) continue;
      const part = (into: BinaryParser): void => {
        if (index > 0) align(into, variable.plan.align);
        else skip(into, alignFrom(0, segment.size, variable.plan.align) - segment.size);
        this.field(into, variable);
      };
      if (variable.when === undefined) part(parser);
      else this.optional(parser, variable.when, part);
    }
    this.frames.pop();
  }

  /** What skips to a multiple from the start of the struct; where offsets are constants there is no need for it. */
  private aligner(parser: BinaryParser, plan: StructPlan): (into: BinaryParser, alignment: number) => void {
    let start = 0;
    const later = plan.segments.slice(1);
    if (later.some(({ align, variable }) => Math.max(align, variable?.plan.align ?? 1) > 1))
      parser
        .saveOffset(ASIDE, {
          formatter: (offset: number) => {
            start = offset;
          },
        })
        .seek(withoutAside(() => 0));
    return (into, alignment) => {
      if (alignment === 1) return;
      let padding = 0;
      into
        .saveOffset(ASIDE, {
          formatter: (offset: number) => {
            padding = alignFrom(start, offset, alignment) - offset;
          },
        })
        .buffer(ASIDE, {
          length: () => padding,
          formatter: (bytes: Uint8Array) => exactly(padding, () => undefined)(bytes),
        })
        .seek(withoutAside(() => 0));
    };
  }

  private optional(
    parser: BinaryParser,
    when: NonNullable<FieldPlan['when']>,
    part: (into: BinaryParser) => void,
  ): void {
    const find = this.reference(when.ref);
    const there = new this.Parser();
    part(there);
    parser.choice({
      tag(this: unknown) {
        return holds(find(this), when) ? 1 : 0;
      },
      choices: { 0: new this.Parser(), 1: there },
    });
  }

  field(parser: BinaryParser, field: FieldPlan): void {
    const { plan, key, magic, derived } = field;
    if (field.inline) {
      if (plan.kind === 'struct') this.struct(parser, plan);
      else if (plan.kind === 'union') this.union(parser, plan);
      else if (plan.kind === 'tagged') this.tagged(parser, plan, undefined);
      return;
    }
    this.path.push(key);
    const right = magic ?? (derived?.rule === 'abi' ? derived.value : undefined);
    if (derived !== undefined && derived.rule !== 'abi')
      this.refuse('derived field', 'nothing in the library checks a field against what was read after it');
    this.put(plan, parser, key, right === undefined ? undefined : (value) => checkSame(value, right));
    this.path.pop();
  }

  /** Reads so many bytes and goes back, so that padding that is not there is noticed. A later read replaces them. */
  ensure(parser: BinaryParser, fields: readonly FieldPlan[], size: number): void {
    if (size === 0) return;
    const formatter = exactly(size, () => undefined);
    const key = fields.find((field) => !field.inline)?.key;
    if (key !== undefined) parser.buffer(key, { length: size, formatter }).seek(-size);
    else parser.buffer(ASIDE, { length: size, formatter }).seek(withoutAside(() => -size));
  }

  /** All members are read, each from the start. */
  union(parser: BinaryParser, plan: PlanOf<'union'>): void {
    this.ensure(parser, plan.members, plan.size);
    for (const member of plan.members) {
      skip(parser, member.offset);
      this.field(parser, member);
      skip(parser, -member.offset - (member.plan.size ?? 0));
    }
    skip(parser, plan.size);
  }

  /** The member that the tag tells; into the object around if it has no name. */
  tagged(parser: BinaryParser, plan: PlanOf<'tagged'>, key: string | undefined): void {
    const through = plan.by.through !== undefined;
    const find = through ? () => undefined : this.reference(plan.by);
    const arm = (field: FieldPlan | undefined) => (into: BinaryParser) => {
      if (field === undefined) {
        into.buffer('$raw', {
          length: () => plan.size,
          formatter: exactly(plan.size, (bytes) => bytes.slice()),
        });
        return;
      }
      this.ensure(into, [field], plan.size);
      skip(into, field.offset);
      this.field(into, field);
      skip(into, plan.size - field.offset - (field.plan.size ?? 0));
    };
    const make = (field: FieldPlan | undefined): BinaryParser => {
      if (key !== undefined) return this.nested(arm(field));
      const into = new this.Parser();
      arm(field)(into);
      return into;
    };
    const choices: Record<string, BinaryParser> = {};
    for (const [tag, field] of through ? [] : plan.arms) {
      if (!Number.isSafeInteger(Number(tag)))
        this.refuse('64-bit tag', `the library compares tags as numbers, which ${tag} is not exact as`);
      choices[tag] = make(field);
    }
    const options = {
      tag(this: unknown) {
        return exactTag(find(this));
      },
      choices,
      defaultChoice: make(undefined),
    };
    if (key === undefined) parser.choice(options);
    else parser.choice(key, options);
  }

  /** A function that finds what a reference means, from the object that is being read. */
  reference(ref: PlanRef): (self: unknown) => number | bigint | undefined {
    const { params } = this;
    if (ref.up < 0)
      return () => resolveRef(ref, { scopes: [], params, memory: undefined, readTarget: () => undefined });
    const frame = this.frames[this.frames.length - 1 - ref.up];
    if (ref.through !== undefined || frame === undefined) {
      this.refuse('reference', `${ref.text} leads through a pointer`);
      return () => undefined;
    }
    const hops = this.level - frame.level;
    if (hops > 0) this.usesParents = true;
    // Seen from the struct that has the field, whatever lies between.
    const direct = { ...ref, up: 0 };
    return (self) => {
      let scope = self;
      for (let i = 0; i < hops; i++) scope = (scope as { $parent?: unknown } | undefined)?.$parent;
      const scopes = [scope as Record<string, unknown>];
      return resolveRef(direct, {
        scopes,
        params: undefined,
        memory: undefined,
        readTarget: () => undefined,
      });
    };
  }

  /** The length as the library takes it: a function, as it takes no zero; undefined for all that is left. */
  length(length: PlanLength): ((this: unknown) => number) | undefined {
    if (length.length === 'rest') return undefined;
    if (length.length === 'fixed') return () => length.count;
    const find = this.reference(length.ref);
    return function (this: unknown) {
      const count = Number(find(this));
      if (!Number.isSafeInteger(count) || count < 0)
        throw new RangeError(`${length.ref.text} is no length: ${count}`);
      return count;
    };
  }
}

const emitters: { [K in PlanKind]: Emitter<K> } = {
  int: (plan, parser, key, post) => {
    const convert = conversion(plan);
    parser[methodOf(plan)](
      key,
      formatted(convert === undefined ? post : (value) => run(post, convert(value))),
    );
  },
  bits: (plan, parser, key, post) => {
    // The library's own bit-fields have an order of their own: the bytes are read, and the bits taken from them.
    parser.buffer(key, {
      length: plan.size,
      formatter: exactly(plan.size, (bytes) => run(post, bitsIn(plan, bytes))),
    });
  },
  chars: (plan, parser, key, post, builder) => {
    putBytes(plan.length, parser, key, builder, (bytes) => {
      const nul = bytes.indexOf(0);
      return run(post, readText(dataView(bytes), 0, nul < 0 ? bytes.length : nul));
    });
  },
  bytes: (plan, parser, key, post, builder) => {
    putBytes(plan.length, parser, key, builder, (bytes) => run(post, bytes.slice()));
  },
  array: (plan, parser, key, _post, builder) => {
    const { element } = plan;
    if (element.minSize === 0)
      builder.refuse('array', 'elements that may take no bytes would be read without end');
    const length = builder.length(plan.length);
    const size = length === undefined ? { readUntil: 'eof' } : { length };
    if (element.kind === 'struct') {
      parser.array(key, { ...size, type: builder.nested((into) => builder.struct(into, element)) });
      return;
    }
    if (element.kind === 'int') {
      const convert = conversion(element);
      const each = convert && ((values: unknown) => (values as unknown[]).map(convert));
      parser.array(key, { ...size, type: methodOf(element), ...formatted(each) });
      return;
    }
    // Anything else is an element only as the field of an object, and is taken out again.
    const type = builder.nested((into) => builder.put(element, into, 'v', undefined));
    parser.array(key, { ...size, type, formatter: (values: { v: unknown }[]) => values.map(({ v }) => v) });
  },
  struct: (plan, parser, key, _post, builder) => {
    parser.nest(key, { type: builder.nested((into) => builder.struct(into, plan)) });
  },
  union: (plan, parser, key, _post, builder) => {
    parser.nest(key, { type: builder.nested((into) => builder.union(into, plan)) });
  },
  tagged: (plan, parser, key, _post, builder) => builder.tagged(parser, plan, key),
  versioned: (plan, parser, key, post, builder) => {
    const find = builder.reference(plan.by);
    const choices: Record<string, BinaryParser> = {};
    for (const [tag, type] of plan.cases) {
      if (!Number.isSafeInteger(Number(tag)))
        builder.refuse(
          '64-bit version',
          `the library compares versions as numbers, which ${tag} is not exact as`,
        );
      choices[tag] = builder.nested((into) => builder.put(type, into, 'v', undefined));
    }
    parser.choice(key, {
      tag(this: unknown) {
        return exactTag(find(this));
      },
      choices,
      formatter: ({ v }: { v: unknown }) => run(post, v),
    });
  },
  block: (plan, parser, key, post, builder) => {
    const length = builder.length(plan.length);
    if (length === undefined) {
      builder.refuse('block', 'a block has a size');
      return;
    }
    // A block that is cut off is not noticed by the library: its bytes are read once before it is entered.
    parser.buffer(key, {
      length,
      formatter(this: unknown, bytes: Uint8Array) {
        exactly(length.call(this), () => undefined)(bytes);
      },
    });
    parser.seek(function (this: unknown) {
      return -length.call(this);
    });
    const type = new builder.Parser();
    builder.put(plan.type, type, key, post);
    parser.wrapped({ length, wrapper: (bytes: Uint8Array) => bytes, type });
  },
  foreign: (plan, parser, key, post) => {
    let size = 0;
    parser.buffer(key, {
      readUntil: 'eof',
      formatter: (bytes: Uint8Array) => {
        const found = plan.foreign.decode(bytes, 0);
        size = found.size;
        if (!(size >= plan.minSize && size <= bytes.length)) throw new RangeError(`needs ${size} bytes`);
        return run(post, found.value);
      },
    });
    // Reading to the end leaves the library's offset where it was.
    parser.seek(() => size);
  },
};

/** The name under which something is read that is no part of the value, for as long as that takes. */
const ASIDE = '$aside';

function withoutAside(length: () => number): (this: unknown) => number {
  return function (this: unknown) {
    delete (this as { [ASIDE]?: unknown })[ASIDE];
    return length();
  };
}

/** Bytes of that length, or all that are left, as `make` makes them. */
function putBytes(
  length: PlanLength,
  parser: BinaryParser,
  key: string,
  builder: Builder,
  make: (bytes: Uint8Array) => unknown,
): void {
  const size = builder.length(length);
  if (size === undefined) {
    // Reading to the end leaves the library's offset where it was, and what follows would be read again.
    parser.buffer(key, { readUntil: () => false, formatter: make });
    return;
  }
  parser.buffer(key, {
    length: size,
    formatter(this: unknown, bytes: Uint8Array) {
      return exactly(size.call(this), make)(bytes);
    },
  });
}

/** The library gives fewer bytes than were asked for without a word. */
function exactly(size: number, make: (bytes: Uint8Array) => unknown): (bytes: Uint8Array) => unknown {
  return (bytes) => {
    if (bytes.length !== size) throw new RangeError(`needs ${size} bytes, but only ${bytes.length} are left`);
    return make(bytes);
  };
}

function skip(parser: BinaryParser, bytes: number): void {
  if (bytes !== 0) parser.seek(bytes);
}
function run(post: Post, value: unknown): unknown {
  return post === undefined ? value : post(value);
}
function formatted(formatter: Post): { formatter?: (value: unknown) => unknown } {
  return formatter === undefined ? {} : { formatter };
}
function checkSame(value: unknown, right: unknown): unknown {
  if (!sameScalar(value, right)) throw new RangeError(`this is ${String(value)}, not ${String(right)}`);
  return value;
}
function holds(found: number | bigint | undefined, when: NonNullable<FieldPlan['when']>): boolean {
  const scope = { scopes: [], params: { found: found ?? 0 }, memory: undefined, readTarget: () => undefined };
  const ref = { ...when.ref, text: 'found', up: -1, path: ['found'], through: undefined };
  return found !== undefined && conditionHolds({ ...when, ref }, scope) === true;
}
/** A tag to compare with; one that no number is equal to if it is not exact as one. */
function exactTag(tag: number | bigint | undefined): number {
  const number = Number(tag);
  return Number.isSafeInteger(number) ? number : Number.NaN;
}

type Method = `${'uint' | 'int'}${'8' | `${16 | 32 | 64}${'le' | 'be'}`}`;

function methodOf(plan: IntPlan): Method {
  const sign = plan.signed ? 'int' : 'uint';
  if (plan.size === 1) return `${sign}8`;
  const order = plan.little ? 'le' : 'be';
  return `${sign}${plan.size === 2 ? 16 : plan.size === 4 ? 32 : 64}${order}`;
}
/** From what the library reads to what our decode gives: bigints of small size, numbers of 64 bits. */
function conversion(plan: IntPlan): Post {
  if (plan.as === 'bigint') return plan.size === 8 ? undefined : (value) => BigInt(value as number);
  if (plan.size !== 8) return undefined;
  return (value) => {
    const number = Number(value);
    if (!Number.isSafeInteger(number)) throw new RangeError(`${value} is not exact as a number`);
    return number;
  };
}
function bitsIn(plan: BitsPlan, bytes: Uint8Array): number | bigint {
  const { shift, width, msb, signed } = plan;
  const view = dataView(byteArray(dataView(bytes)));
  if (plan.as === 'bigint') {
    const value = readBigBits(view, 0, shift, width, msb);
    return signed ? BigInt.asIntN(width, value) : value;
  }
  const value = readBits(view, 0, shift, width, msb);
  return signed && value >= 2 ** (width - 1) ? value - 2 ** width : value;
}

/** Takes everything and does nothing, for finding out what cannot be done. */
class NoParser implements BinaryParser {
  private readonly self = (): this => this;
  nest = this.self;
  array = this.self;
  choice = this.self;
  buffer = this.self;
  wrapped = this.self;
  saveOffset = this.self;
  seek = this.self;
  useContextVars = this.self;
  uint8 = this.self;
  uint16le = this.self;
  uint16be = this.self;
  uint32le = this.self;
  uint32be = this.self;
  uint64le = this.self;
  uint64be = this.self;
  int8 = this.self;
  int16le = this.self;
  int16be = this.self;
  int32le = this.self;
  int32be = this.self;
  int64le = this.self;
  int64be = this.self;
  parse = (): undefined => undefined;
}
