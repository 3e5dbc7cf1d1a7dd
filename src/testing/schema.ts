/** Random schemas: every kind, nested, and such as a C programmer could have meant. For laws that hold of all. */
import type fc from 'fast-check';
import { ABI, ABI_NAMES } from '../codec/abi.js';
import { planOf } from '../codec/plan.js';
import {
  aligned,
  anonymous,
  array,
  asNumber,
  be,
  bits,
  block,
  bytes,
  type Condition,
  chars,
  checksum,
  countOf,
  derived,
  type Enum,
  enumeration,
  type Fields,
  type Flags,
  field,
  flags,
  foreign,
  hex,
  type Int,
  i8,
  i16,
  i32,
  i64,
  type Length,
  le,
  long,
  magic,
  optional,
  packed,
  phys,
  pointer,
  reserved,
  rest,
  type Schema,
  type Struct,
  size_t,
  sizeOf,
  sizeOfStruct,
  struct,
  taggedUnion,
  time_t,
  type Union,
  u8,
  u16,
  u32,
  u64,
  uintptr_t,
  ulong,
  union,
  unnamed,
  versioned,
} from '../codec/schema.js';
import { type Draw, fromChoices } from './choices.js';

export interface SchemaOptions {
  /** Leaves a kind of member out, for comparisons with what cannot express it. */
  readonly without?: readonly MemberKind[];
  /** How deep structs may stand in each other; 3 unless told otherwise. */
  readonly depth?: number;
}

/** What the generator can put into a struct. */
export type MemberKind = keyof typeof members;

/** Structs that lay out on every preset ABI, of any size and shape. */
export function arbitrarySchema(options: SchemaOptions = {}): fc.Arbitrary<Struct> {
  return fromChoices((draw) => makeSchema(draw, options));
}

/** One schema, made with these draws. */
export function makeSchema(draw: Draw, options: SchemaOptions): Struct {
  const maker = new SchemaMaker(draw, options);
  return maker.struct(options.depth ?? 3, true, false);
}

class SchemaMaker {
  readonly draw: Draw;
  readonly kinds: readonly [MemberKind, ...MemberKind[]];
  /** Fields that lengths, tags and conditions may refer to: those of the enclosing structs. */
  readonly visible: string[] = [];
  /** Whether the struct being made is a part of its enclosing one, and whose bytes a sum is of is less clear. */
  inAnonymous = false;
  private names = 0;

  constructor(draw: Draw, options: SchemaOptions) {
    this.draw = draw;
    const left = MEMBER_KINDS.filter((kind) => options.without?.includes(kind) !== true);
    this.kinds = ['int', ...left];
  }

  name(prefix: string): string {
    this.names++;
    return `${prefix}${this.names}`;
  }

  /** `open` allows members that take all that is left, as the last one; `fixed` only such of a fixed size. */
  struct(depth: number, open: boolean, fixed: boolean): Struct {
    const { draw } = this;
    const fields: Record<string, Schema> = {};
    const seen = this.visible.length;
    const count = 1 + draw.below(depth >= 3 ? 7 : 4);
    for (let i = 0; i < count; i++) {
      const context = { maker: this, fields, depth, open: open && i === count - 1, fixed };
      const kind = draw.pick(this.kinds);
      const variable = VARIABLE.has(kind);
      members[(fixed && variable) || (depth <= 1 && NESTED.has(kind)) ? 'int' : kind](context);
    }
    this.visible.length = seen;
    return struct(this.name('s'), fields, this.attributes());
  }

  attributes(): { packed?: boolean; aligned?: number } {
    const { draw } = this;
    const attributes: { packed?: boolean; aligned?: number } = {};
    if (draw.once(4)) attributes.packed = true;
    if (draw.once(8)) attributes.aligned = draw.pick([2, 4, 8, 16]);
    return attributes;
  }

  int(): Int {
    const { draw } = this;
    const int: Int = draw.pick(INTS);
    switch (draw.below(8)) {
      case 5:
        return be(int);
      case 6:
        return le(int);
      case 7:
        return hex(int);
      default:
        return int;
    }
  }
  scalar(): Int | Enum | Flags {
    const { draw } = this;
    const int = this.int();
    if (draw.once(6)) return enumeration(this.name('e'), int, { ZERO: 0, ONE: 1, TWENTY: 20 });
    if (draw.once(6)) return flags(this.name('f'), int, { READ: 1, WRITE: 2, BOTH: 3, HIGH: 64 });
    return int;
  }

  /** A field that something may depend on, from among those visible or a new one in the struct. */
  counter(fields: Record<string, Schema>): string {
    const { draw } = this;
    const known = this.visible[draw.below(this.visible.length + 1)];
    if (known !== undefined) return known;
    const name = this.name('n');
    fields[name] = draw.pick([u8, u32, u16, le(u32), be(u16), u64, ulong, bits(u32, 5), i16]);
    this.visible.push(name);
    return name;
  }
  /** A condition on such a field. */
  condition(fields: Record<string, Schema>): Condition {
    const { draw } = this;
    return {
      ref: this.counter(fields),
      is: draw.pick(['different', 'equal', 'at-least', 'any-bit']),
      value: draw.pick([0, 1, 2, 5]),
    };
  }
}

const SUM = derived(
  u8,
  checksum('sum', (all) => all.reduce((sum, byte) => (sum + byte) & 0xff, 0)),
);

const INTS = [
  u8,
  u32,
  u16,
  u64,
  i8,
  i16,
  i32,
  i64,
  long,
  ulong,
  size_t,
  time_t,
  uintptr_t,
  asNumber(u64),
  asNumber(i64),
] as const;
/** Whose every bit pattern is a value: the only ones to share their bytes with others in a union. */
const PLAIN_INTS = [u8, u32, u16, u64, i8, i16, i32, i64, long, be(u32), le(u16)] as const;

interface MemberContext {
  readonly maker: SchemaMaker;
  readonly fields: Record<string, Schema>;
  readonly depth: number;
  readonly open: boolean;
  readonly fixed: boolean;
}

/** Adds one member, and the fields that it depends on, to a struct. */
const members = {
  int: ({ maker, fields }) => {
    fields[maker.name('i')] = maker.scalar();
  },
  pointer: ({ maker, fields }) => {
    fields[maker.name('p')] = maker.draw.pick([pointer(), phys(), phys(undefined, u32)]);
  },
  bits: ({ maker, fields }) => {
    const { draw } = maker;
    for (let i = draw.below(4); i >= 0; i--) {
      const [base, most] = draw.pick([
        [u32, 32],
        [u8, 8],
        [u16, 16],
        [u64, 64],
        [i32, 32],
        [i64, 64],
        [ulong, 32],
        [enumeration('e', u16, { A: 1, B: 7 }), 16],
      ] as const);
      fields[maker.name('b')] = bits(base, 1 + (draw.below(draw.pick([7, most])) % most));
    }
  },
  unnamed: ({ maker, fields }) => {
    fields[maker.name('u')] = unnamed(maker.draw.pick([u32, u8, u64]), maker.draw.below(9));
  },
  chars: ({ maker, fields }) => {
    fields[maker.name('c')] = chars(maker.draw.pick([8, 1, 0, 16]));
  },
  bytes: ({ maker, fields }) => {
    fields[maker.name('y')] = bytes(maker.draw.pick([6, 1, 0, 20]));
  },
  array: ({ maker, fields, depth }) => {
    fields[maker.name('a')] = array(element(maker, depth, true), maker.draw.pick([2, 1, 0, 5]));
  },
  struct: ({ maker, fields, depth, open, fixed }) => {
    fields[maker.name('s')] = maker.struct(depth - 1, open, fixed);
  },
  anonymous: ({ maker, fields, depth, fixed }) => {
    const outer = maker.inAnonymous;
    maker.inAnonymous = true;
    fields[maker.name('x')] = anonymous(
      maker.draw.below(3) === 2 ? plainUnion(maker) : maker.struct(depth - 1, false, fixed),
    );
    maker.inAnonymous = outer;
  },
  union: ({ maker, fields }) => {
    fields[maker.name('u')] = plainUnion(maker);
  },
  reserved: ({ maker, fields }) => {
    fields[maker.name('r')] = reserved(maker.draw.pick([u32, u8, bytes(5), array(u16, 2), bits(u32, 3)]));
  },
  magic: ({ maker, fields }) => {
    const { draw } = maker;
    fields[maker.name('m')] = draw.pick([
      magic(u32, 0xfeedface),
      magic(be(u64), 0xb1bb1d1b0bb1d1b0n),
      magic(bytes(3), Uint8Array.of(1, 2, 3)),
      magic(chars(4), 'QEVM'),
    ]);
  },
  attributed: ({ maker, fields }) => {
    const { draw } = maker;
    const type = maker.scalar();
    fields[maker.name('t')] = draw.below(2) === 0 ? aligned(type, draw.pick([8, 4, 16])) : packed(type);
  },
  block: ({ maker, fields, depth }) => {
    const { draw } = maker;
    const content = maker.struct(depth - 1, false, false);
    // Large enough on every ABI, also where alignment adds to what it takes at the least.
    const least = Math.max(...ABI_NAMES.map((name) => planOf(content, ABI[name]).minSize));
    fields[maker.name('k')] = block(
      content,
      least <= 2048 && draw.once(8) ? 'page' : least + 256 + draw.below(9),
    );
  },
  foreign: ({ maker, fields }) => {
    fields[maker.name('z')] = reversed;
  },
  tagged: ({ maker, fields }) => {
    const { draw } = maker;
    const tag = maker.counter(fields);
    fields[maker.name('g')] = taggedUnion(
      maker.name('tagged'),
      field(tag),
      { 0: 'none', 1: 'one', 3: 'three' },
      { none: u8, one: draw.pick(PLAIN_INTS), three: maker.struct(1, false, true) },
    );
  },
  counted: ({ maker, fields, depth }) => {
    const { draw } = maker;
    const count = field(maker.counter(fields));
    const type = counted(maker, depth, count);
    fields[maker.name('a')] = type;
    // Several that share their count, as parallel arrays do.
    if (draw.once(3)) fields[maker.name('a')] = counted(maker, depth, count);
  },
  derived: ({ maker, fields, depth }) => {
    const { draw } = maker;
    const name = maker.name('n');
    const of = maker.name('a');
    switch (draw.below(4)) {
      case 0:
        fields[name] = derived(draw.pick([u32, u16, u64, be(u16)]), countOf(of));
        fields[of] = counted(maker, depth, field(name));
        break;
      case 1:
        fields[name] = derived(draw.pick([u32, le(u64)]), sizeOf(of));
        fields[of] = element(maker, depth, false);
        break;
      case 2:
        fields[name] = derived(draw.pick([u32, u64]), sizeOfStruct);
        break;
      default:
        // Two sums over each other's bytes could not both be right.
        fields[name] = maker.inAnonymous || Object.values(fields).includes(SUM) ? u8 : SUM;
    }
  },
  optional: ({ maker, fields, depth }) => {
    const condition = maker.condition(fields);
    fields[maker.name('o')] = optional(
      maker.draw.pick([maker.scalar(), element(maker, depth, false)]),
      condition,
    );
  },
  versioned: ({ maker, fields, depth }) => {
    const { draw } = maker;
    const name = maker.name('v');
    fields[name] = draw.pick([u8, u32, be(u16)]);
    fields[maker.name('w')] = versioned(maker.name('versioned'), field(name), {
      1: maker.struct(depth - 1, false, false),
      2: draw.pick([maker.scalar(), maker.struct(1, false, true)]),
    });
  },
  sizedBlock: ({ maker, fields, depth }) => {
    const name = maker.name('n');
    fields[name] = maker.draw.pick([u32, u64, be(u32)]);
    fields[maker.name('k')] = block(maker.struct(depth - 1, true, false), field(name));
  },
  rest: ({ maker, fields, depth, open }) => {
    const { draw } = maker;
    if (!open) fields[maker.name('i')] = maker.scalar();
    else
      fields[maker.name('q')] = draw.pick([
        bytes(rest),
        chars(rest),
        array(draw.pick(PLAIN_INTS), rest),
        // At least a byte each, or they could not fill anything.
        array(struct(maker.name('s'), { i: u8, ...maker.struct(depth - 1, false, true).fields }), rest),
      ]);
  },
} as const satisfies Record<string, (context: MemberContext) => void>;

const MEMBER_KINDS = Object.keys(members) as readonly MemberKind[];
/** Members whose size depends on the data, and which a union or a fixed struct cannot have. */
const VARIABLE: ReadonlySet<MemberKind> = new Set([
  'counted',
  'derived',
  'optional',
  'versioned',
  'sizedBlock',
  'rest',
  'tagged',
  'foreign',
]);
/** Members that have structs in them. */
const NESTED: ReadonlySet<MemberKind> = new Set([
  'struct',
  'anonymous',
  'array',
  'block',
  'tagged',
  'counted',
  'derived',
  'optional',
  'versioned',
  'sizedBlock',
  'rest',
]);

function element(maker: SchemaMaker, depth: number, fixed: boolean): Schema {
  const { draw } = maker;
  switch (draw.below(4)) {
    case 0:
    case 1:
      return maker.scalar();
    case 2:
      return draw.pick([chars(3), bytes(4), array(u16, 2), pointer()]);
    default:
      return depth > 1 ? maker.struct(depth - 1, false, fixed) : maker.scalar();
  }
}

function counted(maker: SchemaMaker, depth: number, count: Length): Schema {
  const { draw } = maker;
  return draw.pick([array(element(maker, depth, false), count), bytes(count), chars(count)]);
}

/** A union of members that any bytes are a value of. */
function plainUnion(maker: SchemaMaker): Union {
  const { draw } = maker;
  const fields: Record<string, Schema> = {};
  for (let i = draw.below(3); i >= 0; i--) {
    const name = maker.name('m');
    fields[name] = draw.pick([
      draw.pick(PLAIN_INTS),
      bytes(5),
      chars(7),
      array(u16, 3),
      bits(u32, 11),
      struct(maker.name('s'), { [`${name}a`]: u8, [`${name}b`]: draw.pick(PLAIN_INTS) }, maker.attributes()),
      anonymous(struct(maker.name('s'), { [`${name}a`]: u16, [`${name}b`]: u8 } as Fields)),
    ]);
  }
  return union(maker.name('u'), fields, maker.attributes());
}

/** Stands for a type of another library: a length byte and so many bytes, backwards. */
const reversed = foreign<readonly number[]>({
  name: 'reversed',
  size: undefined,
  decode: (input, offset) => {
    const size = input[offset];
    if (size === undefined || offset + 1 + size > input.length) throw new RangeError('too short');
    return { value: [...input.subarray(offset + 1, offset + 1 + size)].reverse(), size: size + 1 };
  },
  encode: (value) => Uint8Array.of(value.length, ...[...value].reverse()),
});
