/**
 * The plan: a schema laid out for one ABI. Every other interpreter reads plans; none knows about ABIs.
 *
 * A struct becomes segments: runs of fields at constant offsets from the segment's start, each run ended by
 * a part of variable size. Most C structs are a single segment. What no field covers (padding, reserved and
 * unnamed bits) becomes gaps, so that the bytes of a segment are accounted for to the last bit.
 *
 * The layout rules are GCC's (`place_field` and `update_alignment_for_field` in gcc/stor-layout.c, with
 * PCC_BITFIELD_TYPE_MATTERS), proven against its output in `fixtures/gcc`.
 */
import type { ABI } from './abi.js';
import { fail, type Path } from './error.js';
import type {
  Bits,
  Condition,
  Derived,
  DerivedRule,
  Foreign,
  Int,
  IntSize,
  Kind,
  Length,
  Magic,
  Pointer,
  ProbedPart,
  Probes,
  Schema,
  SchemaOf,
  Struct,
  TaggedUnion,
  TextForm,
  Union,
} from './schema.js';

/** What a plan has in common: where it may stand and how many bytes it takes. */
interface Common {
  /** Bytes, or undefined where they depend on the data. */
  readonly size: number | undefined;
  /** Bytes that it takes at the least. */
  readonly minSize: number;
  readonly align: number;
  readonly schema: Schema;
  /** Whether bits can be in it that the value does not tell: padding, tails of text, unused union bytes. */
  readonly slack: boolean;
}

/** Names of values, for everything that shows or checks an integer. */
export interface Names {
  readonly kind: 'enum' | 'flags';
  readonly name: string;
  readonly members: Readonly<Record<string, number | bigint>>;
}

export interface IntPlan extends Common {
  readonly kind: 'int';
  readonly size: 1 | 2 | 4 | 8;
  readonly signed: boolean;
  readonly little: boolean;
  readonly as: 'number' | 'bigint';
  readonly format: 'dec' | 'hex';
  readonly names: Names | undefined;
  readonly pointer: Pointer | undefined;
}
export interface BitsPlan extends Common {
  readonly kind: 'bits';
  /** Bytes that hold any of its bits. */
  readonly size: number;
  /** The first bit, counted in the bit order from the start of the first byte: 0 to 7. */
  readonly shift: number;
  readonly width: number;
  readonly signed: boolean;
  /** Bits are numbered from the most significant one of each byte. */
  readonly msb: boolean;
  readonly as: 'number' | 'bigint';
  readonly format: 'dec' | 'hex';
  readonly names: Names | undefined;
}
export interface CharsPlan extends Common {
  readonly kind: 'chars';
  readonly length: PlanLength;
}
export interface BytesPlan extends Common {
  readonly kind: 'bytes';
  readonly length: PlanLength;
  readonly text: TextForm | undefined;
}
export interface ArrayPlan extends Common {
  readonly kind: 'array';
  readonly element: Plan;
  readonly length: PlanLength;
}
export interface StructPlan extends Common {
  readonly kind: 'struct';
  readonly name: string;
  readonly segments: readonly Segment[];
  readonly schema: Struct;
  /** The fields of the value, by name, also those of anonymous members: what encode accepts. */
  readonly keys: ReadonlySet<string>;
  /** Whether any of its fields is derived. */
  readonly derives: boolean;
  /** An anonymous member of variable size: it has no value of its own, its fields are the enclosing struct's. */
  readonly shares: boolean;
}
export interface UnionPlan extends Common {
  readonly kind: 'union';
  readonly name: string;
  readonly size: number;
  readonly members: readonly FieldPlan[];
  readonly keys: ReadonlySet<string>;
  readonly schema: Union;
}
export interface TaggedPlan extends Common {
  readonly kind: 'tagged';
  readonly name: string;
  readonly size: number;
  readonly by: PlanRef;
  /** The member for each value of the tag, written in decimal. */
  readonly arms: ReadonlyMap<string, FieldPlan>;
  readonly members: readonly FieldPlan[];
  readonly keys: ReadonlySet<string>;
  readonly schema: TaggedUnion;
}
export interface VersionedPlan extends Common {
  readonly kind: 'versioned';
  readonly name: string;
  readonly by: PlanRef;
  readonly cases: ReadonlyMap<string, Plan>;
}
export interface BlockPlan extends Common {
  readonly kind: 'block';
  readonly type: Plan;
  readonly length: PlanLength;
}
export interface ForeignPlan extends Common {
  readonly kind: 'foreign';
  readonly foreign: Foreign;
}

export type Plan =
  | IntPlan
  | BitsPlan
  | CharsPlan
  | BytesPlan
  | ArrayPlan
  | StructPlan
  | UnionPlan
  | TaggedPlan
  | VersionedPlan
  | BlockPlan
  | ForeignPlan;
export type PlanKind = Plan['kind'];
export type PlanOf<K extends PlanKind> = Extract<Plan, { kind: K }>;

/** Fields at constant offsets from where the segment starts, then at most one part of variable size. */
export interface Segment {
  /** Tells the segment from the others of the struct; the slack of the alignment before it goes by this. */
  readonly key: string;
  /** What the start is aligned to, counted from the start of the struct. */
  readonly align: number;
  readonly size: number;
  readonly items: readonly Item[];
  readonly variable: FieldPlan | undefined;
}
export type Item = FieldPlan | Gap;

export interface FieldPlan {
  readonly item: 'field';
  readonly key: string;
  /** Bytes from the start of the segment; 0 for a segment's variable part and the members of unions. */
  readonly offset: number;
  readonly plan: Plan;
  /** An anonymous member: its own fields are part of the enclosing value. */
  readonly inline: boolean;
  readonly magic: Magic['value'] | undefined;
  readonly derived: PlanRule | undefined;
  readonly when: PlanCondition | undefined;
}
/** Bits that no field of the value covers. */
export interface Gap {
  readonly item: 'gap';
  /** The name of a reserved field, or `+` and the offset. */
  readonly key: string;
  readonly offset: number;
  readonly size: number;
  /** Which bits of the first and of the last byte belong to it; of a single byte, `first` says it all. */
  readonly first: number;
  readonly last: number;
  /** Declared as reserved: not being zero is a finding. */
  readonly reserved: boolean;
  /** Bits are numbered from the most significant one of each byte. */
  readonly msb: boolean;
}

export type PlanLength =
  | { readonly length: 'fixed'; readonly count: number }
  | { readonly length: 'ref'; readonly ref: PlanRef }
  | { readonly length: 'rest' };
/** A reference that is resolved: so many structs outward, then along the path; or a parameter. */
export interface PlanRef {
  readonly text: string;
  /** How many enclosing structs outward, or -1 for a parameter of the call. */
  readonly up: number;
  readonly path: readonly string[];
  /** Where the path goes through a pointer: what lies there. */
  readonly through: { readonly pointer: Pointer; readonly target: StructPlan } | undefined;
}
export interface PlanCondition {
  readonly ref: PlanRef;
  readonly is: Condition['is'];
  readonly value: bigint;
}
export type PlanRule =
  | DerivedRule
  | { readonly rule: 'abi'; readonly part: ProbedPart; readonly value: number | bigint };

// --- the entry ---------------------------------------------------------------------------------------------

/** Stands for "no ABI given": plans of types that are the same everywhere need none. */
const NONE = Object.freeze({});
const cache = new WeakMap<Schema, WeakMap<object, Plan>>();

/**
 * Lays a schema out for an ABI. Plans are kept, so that the second call costs a look-up.
 *
 * @throws `abi-required` if the layout depends on the ABI and none is given; `schema-invalid`.
 */
export function planOf(schema: Schema, abi?: ABI): Plan {
  let byABI = cache.get(schema);
  const known = byABI?.get(abi ?? NONE);
  if (known !== undefined) return known;
  checkSchema(schema, []);
  if (abi !== undefined) checkABI(abi);
  if (byABI === undefined) {
    byABI = new WeakMap();
    cache.set(schema, byABI);
  }
  const made = lower(schema, { abi, frames: [], path: [], depth: 0, around: [schema] });
  byABI.set(abi ?? NONE, made);
  return made;
}

interface Frame {
  /** Fields seen so far, by name, without the wrappers that do not change their type. */
  readonly fields: Map<string, Schema>;
  /** All fields, also those to come. */
  readonly names: ReadonlySet<string>;
}
interface Context {
  readonly abi: ABI | undefined;
  readonly frames: readonly Frame[];
  readonly path: Path;
  /** How many types there are around it. */
  readonly depth: number;
  /** The schema that is laid out, and those that pointers led to from there. */
  readonly around: readonly Schema[];
}

/** Types nested deeper are refused: every interpreter goes down into them, and the stack ends somewhere. */
const MAX_DEPTH = 256;

function lower(schema: Schema, cx: Context): Plan {
  checkSchema(schema, cx.path);
  return (lowerers[schema.kind] as (schema: Schema, cx: Context) => Plan)(schema, deeper(cx));
}
function deeper(cx: Context): Context {
  checkDepth(cx.depth);
  return { ...cx, depth: cx.depth + 1 };
}
function checkDepth(depth: number): void {
  if (depth >= MAX_DEPTH) fail('schema-invalid', `types are nested more than ${MAX_DEPTH} deep`);
}

/** What is undefined most often was declared in a module that imports this one, and is not there yet. */
function checkSchema(schema: unknown, path: Path): void {
  const kind = typeof schema === 'object' && schema !== null && 'kind' in schema ? schema.kind : undefined;
  if (typeof kind !== 'string' || !Object.hasOwn(lowerers, kind))
    fail('schema-invalid', 'this is not a schema', {
      path,
      expected: 'u32, or what struct, array and the like give',
      found:
        kind === undefined ? (schema === null ? 'null' : `a ${typeof schema}`) : `the kind ${String(kind)}`,
    });
}
function checkABI(abi: unknown): void {
  if (typeof abi !== 'object' || abi === null || !('alignments' in abi) || !('endian' in abi))
    fail('abi-required', 'this is not an ABI', {
      expected: 'a preset, ABI.x86_64, or what makeABI gives',
      found: typeof abi === 'string' ? JSON.stringify(abi) : abi === null ? 'null' : `a ${typeof abi}`,
    });
}

const lowerers: { [K in Kind]: (schema: SchemaOf<K>, cx: Context) => Plan } = {
  int: (schema, cx) => intPlan(schema, cx, schema, undefined, undefined),
  enum: (schema, cx) => intPlan(schema.base, cx, schema, namesOf(schema), undefined),
  flags: (schema, cx) => intPlan(schema.base, cx, schema, namesOf(schema), undefined),
  pointer: (schema, cx) => intPlan(schema.base, cx, schema, undefined, schema),
  chars: (schema, cx) => {
    const length = lengthOf(schema.length, cx);
    return { kind: 'chars', length, ...sized(length), align: 1, schema, slack: true };
  },
  bytes: (schema, cx) => {
    const length = lengthOf(schema.length, cx);
    return { kind: 'bytes', length, text: schema.text, ...sized(length), align: 1, schema, slack: false };
  },
  array: (schema, cx) => {
    const element = lower(schema.element, { ...cx, path: [...cx.path, '[]'] });
    const length = lengthOf(schema.length, cx);
    return {
      kind: 'array',
      element,
      length,
      size:
        length.length === 'fixed' && element.size !== undefined
          ? checkSize(length.count * element.size, cx)
          : undefined,
      minSize: length.length === 'fixed' ? checkSize(length.count * element.minSize, cx) : 0,
      align: element.align,
      schema,
      slack: element.slack,
    };
  },
  struct: lowerStruct,
  union: (schema, cx) => {
    return { kind: 'union', name: schema.name, ...lowerMembers(schema, cx), schema, slack: true };
  },
  tagged: (schema, cx) => {
    const by = resolve(schema.by.ref, cx);
    const all = lowerMembers(schema, cx);
    const arms = new Map<string, FieldPlan>();
    for (const [tag, name] of Object.entries(schema.arms)) {
      const member = all.members.find((member) => member.key === name);
      if (member === undefined || member.inline)
        fail('schema-invalid', `union ${schema.name}: the member ${name} cannot be told by a tag`, {
          path: cx.path,
        });
      arms.set(tagText(tag, cx), member);
    }
    all.keys.add('$raw');
    return { kind: 'tagged', name: schema.name, by, arms, ...all, schema, slack: true };
  },
  versioned: (schema, cx) => {
    const by = resolve(schema.by.ref, cx);
    const cases = new Map<string, Plan>();
    for (const [tag, type] of Object.entries(schema.cases)) cases.set(tagText(tag, cx), lower(type, cx));
    const all = [...cases.values()];
    const [first] = all;
    if (first === undefined) fail('schema-invalid', `${schema.name} has no versions`, { path: cx.path });
    return {
      kind: 'versioned',
      name: schema.name,
      by,
      cases,
      size: all.every((plan) => plan.size === first.size) ? first.size : undefined,
      minSize: Math.min(...all.map((plan) => plan.minSize)),
      align: Math.max(...all.map((plan) => plan.align)),
      schema,
      slack: all.some((plan) => plan.slack),
    };
  },
  block: (schema, cx) => {
    const size = schema.size === 'page' ? need(cx, 'a page').pageSize : schema.size;
    const length = lengthOf(size, cx);
    const type = lower(schema.type, cx);
    if (length.length === 'fixed' && type.minSize > length.count)
      fail('schema-invalid', `${type.minSize} bytes do not fit in a block of ${length.count}`, {
        path: cx.path,
      });
    return { kind: 'block', type, length, ...sized(length), align: type.align, schema, slack: true };
  },
  negotiated: (schema, cx) => lowerStruct(schema.type, cx, schema.probes),
  foreign: (schema) => ({
    kind: 'foreign',
    foreign: schema,
    size: schema.size,
    minSize: schema.size ?? 0,
    align: 1,
    schema,
    slack: false,
  }),
  attributed: (schema, cx) => lower(schema.type, cx),
  bits: memberOnly,
  unnamed: memberOnly,
  anonymous: memberOnly,
  reserved: memberOnly,
  magic: memberOnly,
  derived: memberOnly,
  optional: memberOnly,
};

function memberOnly(schema: Schema, cx: Context): never {
  fail('schema-invalid', `${schema.kind} can only be a member of a struct`, { path: cx.path });
}

// --- scalars -----------------------------------------------------------------------------------------------

function need(cx: Context, what: string): ABI {
  if (cx.abi === undefined)
    fail('abi-required', `the size, alignment or byte order of ${what} depends on the machine`, {
      path: cx.path,
    });
  return cx.abi;
}
function byteSize(size: IntSize, cx: Context): 1 | 2 | 4 | 8 {
  if (typeof size === 'number') return size;
  const abi = need(cx, `a ${size}`);
  return size === 'long' ? abi.longSize : size === 'time_t' ? abi.timeSize : abi.pointerSize;
}

function intPlan(
  type: Int,
  cx: Context,
  schema: Schema,
  names: Names | undefined,
  pointer: Pointer | undefined,
): IntPlan {
  const size = byteSize(type.size, cx);
  return {
    kind: 'int',
    size,
    minSize: size,
    // Where no ABI is given the alignment is not known; lowerStruct asks for the ABI where that matters.
    align: size === 1 ? 1 : (cx.abi?.alignments[size] ?? size),
    signed: type.signed,
    little:
      type.order === 'native'
        ? size === 1 || need(cx, type.name).endian === 'little'
        : type.order === 'little',
    as: type.as,
    format: type.format,
    names,
    pointer,
    schema,
    slack: false,
  };
}
function namesOf(schema: SchemaOf<'enum' | 'flags'>): Names {
  return { kind: schema.kind, name: schema.name, members: schema.members };
}

function lengthOf(length: Length, cx: Context): PlanLength {
  if (length === 'rest') return { length: 'rest' };
  return typeof length === 'number'
    ? { length: 'fixed', count: length }
    : { length: 'ref', ref: resolve(length.ref, cx) };
}
function sized(length: PlanLength): { size: number | undefined; minSize: number } {
  return length.length === 'fixed'
    ? { size: length.count, minSize: length.count }
    : { size: undefined, minSize: 0 };
}
function checkSize(size: number, cx: Context): number {
  if (!Number.isSafeInteger(size)) fail('schema-invalid', `${size} bytes are too many`, { path: cx.path });
  return size;
}
function tagText(tag: string, cx: Context): string {
  try {
    return BigInt(tag).toString();
  } catch {
    return fail('schema-invalid', `${JSON.stringify(tag)} is not an integer`, { path: cx.path });
  }
}

// --- references --------------------------------------------------------------------------------------------

function resolve(text: string, cx: Context): PlanRef {
  const path = text.split('.');
  for (let up = 0; up < cx.frames.length; up++) {
    const frame = cx.frames[cx.frames.length - 1 - up];
    const found = frame?.fields.get(path[0] ?? '');
    if (found === undefined) continue;
    return { text, up, path, through: throughOf(found, path, cx) };
  }
  if (cx.frames.some((frame) => frame.names.has(path[0] ?? '')))
    fail('schema-invalid', `${text} is referred to before it is declared`, { path: cx.path });
  return { text, up: -1, path, through: undefined };
}

/** What the rest of a path reads if its first part is a typed pointer. */
function throughOf(schema: Schema, path: readonly string[], cx: Context): PlanRef['through'] {
  if (schema.kind !== 'pointer' || path.length === 1) return undefined;
  if (schema.target === undefined)
    fail('schema-invalid', `${path.join('.')} goes through a pointer that has no type`, { path: cx.path });
  const type = schema.target();
  const lay = (): StructPlan => {
    const plan = lower(type, { ...cx, frames: [], around: [...cx.around, type] });
    if (plan.kind !== 'struct')
      fail('schema-invalid', `${path[0]} does not point to a struct`, { path: cx.path });
    return plan;
  };
  // Structs may point to each other in a circle: what is being laid out already is laid out again only when
  // somebody follows the pointer.
  let plan = cx.around.includes(type) ? undefined : lay();
  return {
    pointer: schema,
    get target() {
      plan ??= lay();
      return plan;
    },
  };
}

// --- structs -----------------------------------------------------------------------------------------------

/** A member with the wrappers taken off. */
interface Member {
  readonly key: string;
  readonly type: Schema;
  readonly aligned: number | undefined;
  readonly packed: boolean;
  readonly reserved: boolean;
  readonly anonymous: boolean;
  readonly magic: Magic['value'] | undefined;
  readonly derived: PlanRule | undefined;
  readonly when: Condition | undefined;
}

function memberOf(key: string, schema: Schema, aggregatePacked: boolean): Member {
  checkSchema(schema, [key]);
  let type = schema;
  let aligned: number | undefined;
  let packed = aggregatePacked;
  let reserved = false;
  let anonymous = false;
  let magic: Member['magic'];
  let derived: Member['derived'];
  let when: Member['when'];
  for (;;) {
    if (type.kind === 'attributed') {
      aligned = type.aligned === undefined ? aligned : Math.max(aligned ?? 1, type.aligned);
      packed ||= type.packed;
      type = type.type;
    } else if (type.kind === 'reserved') {
      reserved = true;
      type = type.type;
    } else if (type.kind === 'magic') {
      magic = type.value;
      type = type.type;
    } else if (type.kind === 'derived') {
      derived = (type as Derived).rule;
      type = type.type;
    } else if (type.kind === 'optional') {
      when = type.when;
      type = type.type;
    } else if (type.kind === 'anonymous') {
      anonymous = true;
      type = type.type;
    } else return { key, type, aligned, packed, reserved, anonymous, magic, derived, when };
  }
}

/** Lays members out one after the other, as GCC's `place_field` does. */
class Layout {
  readonly cx: Context;
  readonly segments: Segment[] = [];
  readonly keys = new Set<string>();
  align: number;
  slack = false;
  minSize = 0;
  private items: FieldPlan[] = [];
  private readonly reservedKeys = new Set<string>();
  private reservedBits: { key: string; from: number; to: number }[] = [];
  /** Bits taken so far in the segment. */
  private position = 0;
  private segmentAlign = 1;
  private readonly label: string;

  constructor(cx: Context, align: number, label = '') {
    this.cx = cx;
    this.align = align;
    this.label = label;
  }

  /** Whether something of variable size came before, so that offsets from the struct's start are not known. */
  get dynamic(): boolean {
    return this.segments.length > 0;
  }
  get size(): number {
    return Math.ceil(this.position / 8);
  }
  /** Whether the segment has fields, be it that they take no bytes. */
  get pending(): boolean {
    return this.items.length > 0;
  }

  /** Moves on to a multiple of so many bytes; where the position is only known at run time, begins a segment. */
  alignTo(bytes: number): void {
    if (this.dynamic && bytes > this.segmentAlign) {
      if (this.position > 0) this.close(undefined);
      this.segmentAlign = bytes;
    }
    this.position = Math.ceil(this.position / (bytes * 8)) * bytes * 8;
  }

  add(field: Omit<FieldPlan, 'item' | 'offset'>, align: number): void {
    const { plan } = field;
    if (plan.size === undefined || field.when !== undefined) {
      this.close({ item: 'field', offset: 0, ...field, plan: { ...plan, align } as Plan });
      return;
    }
    this.alignTo(align);
    this.items.push({ item: 'field', offset: this.size, ...field });
    this.position += plan.size * 8;
  }

  /** Takes over the fields of an anonymous struct of fixed size. */
  hoist(struct: StructPlan, align: number): void {
    this.alignTo(align);
    const start = this.size;
    for (const item of struct.segments[0]?.items ?? []) {
      if (item.item === 'field') this.items.push({ ...item, offset: start + item.offset });
      else if (item.reserved) this.claim({ key: item.key, ...bitsOf(start, item) });
    }
    this.position = (start + (struct.size ?? 0)) * 8;
  }

  /** Whether there is a field, reserved or not, of that name already. */
  takes(name: string): boolean {
    return this.reservedKeys.has(name) || this.keys.has(name);
  }

  /** Notes reserved bits. Their name is where their slack is kept, so there can be only one of it. */
  private claim(range: { key: string; from: number; to: number }): void {
    if (this.takes(range.key))
      fail('schema-invalid', `${range.key} is declared twice`, { path: this.cx.path });
    this.reservedKeys.add(range.key);
    this.reservedBits.push(range);
  }

  reserve(key: string, plan: Plan, align: number): void {
    if (plan.size === undefined)
      fail('schema-invalid', 'a reserved field has a fixed size', { path: [...this.cx.path, key] });
    this.alignTo(align);
    this.claim({ key, from: this.position, to: this.position + plan.size * 8 });
    this.position += plan.size * 8;
  }

  bits(
    member: Member,
    base: Int,
    width: number,
    names: Names | undefined,
    key: string | undefined,
    schema: Schema,
  ): void {
    const abi = need(this.cx, 'a bit-field');
    const typeSize = byteSize(base.size, this.cx);
    const naturalAlign = typeSize === 1 ? 1 : abi.alignments[typeSize];
    if (width > typeSize * 8)
      fail('schema-invalid', `${width} bits do not fit in ${base.name}`, {
        path: [...this.cx.path, member.key],
      });
    const named = key !== undefined || member.reserved;
    if (width === 0) {
      // Not touched by packed. It aligns the struct only where unnamed bit-fields do, and on m68k.
      const unit = abi.bitFieldTypeMatters ? naturalAlign : abi.alignments[8];
      this.alignTo(Math.max(unit, member.aligned ?? 1));
      if (abi.unnamedBitsAlign || !abi.bitFieldTypeMatters) this.align = Math.max(this.align, unit);
      return;
    }
    // A field as wide as a machine type that happens to lie where that type would is one, for GCC, and
    // aligns the struct like it (layout_decl).
    const asType = member.packed && width > 8 ? 0 : typeAlignment(width, abi, member.aligned !== undefined);
    const likeType = asType > 0 && this.position % (asType * 8) === 0 ? asType : 0;
    const wanted = Math.max(member.aligned ?? 0, likeType);
    if (!abi.bitFieldTypeMatters) this.align = Math.max(this.align, wanted);
    else if (named || abi.unnamedBitsAlign)
      this.align = Math.max(this.align, member.packed ? 1 : naturalAlign, wanted);
    // A run of bit-fields after a part of variable size starts where its type would.
    if (this.dynamic && !member.packed && abi.bitFieldTypeMatters && naturalAlign > this.segmentAlign)
      this.alignTo(naturalAlign);
    if (member.aligned !== undefined) this.alignTo(member.aligned);
    if (!member.packed && abi.bitFieldTypeMatters) {
      // excess_unit_span: the field may not touch more alignment units than its type has.
      const unit = naturalAlign * 8;
      const span = Math.ceil(((this.position % unit) + width) / unit);
      if (span > (typeSize * 8) / unit) this.position = Math.ceil(this.position / unit) * unit;
    }
    const from = this.position;
    this.position += width;
    if (member.reserved) this.claim({ key: member.key, from, to: this.position });
    if (key === undefined) return;
    const offset = Math.floor(from / 8);
    const shift = from - offset * 8;
    const size = Math.ceil((shift + width) / 8);
    this.keys.add(key);
    this.items.push({
      item: 'field',
      key,
      offset,
      inline: false,
      magic: member.magic,
      derived: member.derived,
      when: undefined,
      plan: {
        kind: 'bits',
        size,
        minSize: size,
        align: 1,
        shift,
        width,
        signed: base.signed,
        msb: abi.bitOrder === 'msb',
        as: width > 53 ? 'bigint' : 'number',
        format: base.format,
        names,
        schema,
        slack: false,
      },
    });
  }

  /** Ends the segment: finds its gaps, and puts the variable part behind it. */
  close(variable: FieldPlan | undefined): void {
    const msb = this.cx.abi?.bitOrder === 'msb';
    const prefix = `${this.label}${this.segments.length === 0 ? '' : this.segments.length}+`;
    const items: Item[] = withGaps(this.items, this.reservedBits, this.size, prefix, msb);
    if (items.some((item) => item.item === 'gap' || item.plan.slack)) this.slack = true;
    if (variable?.plan.slack) this.slack = true;
    this.minSize +=
      this.size + (variable === undefined || variable.when !== undefined ? 0 : variable.plan.minSize);
    this.segments.push({ key: prefix, align: this.segmentAlign, size: this.size, items, variable });
    this.items = [];
    this.reservedBits = [];
    this.position = 0;
    this.segmentAlign = 1;
  }
}

/**
 * The alignment of the integer of so many bits; 0 if there is none of that width. Where an alignment was asked
 * for by attribute, i386 does not take that of 8-byte integers down to 4 (x86_field_alignment).
 */
function typeAlignment(width: number, abi: ABI, asked: boolean): number {
  if (width === 8 || width === 0) return 1;
  if (asked && abi.bitFieldTypeMatters) return width === 16 || width === 32 || width === 64 ? width / 8 : 0;
  return width === 16 || width === 32 || width === 64 ? abi.alignments[(width / 8) as 2 | 4 | 8] : 0;
}

/** The bits of a gap, counted in the bit order from the start of the segment that it moves to. */
export function bitsOf(start: number, gap: Gap): { from: number; to: number } {
  const { msb } = gap;
  const leading = msb ? Math.clz32(gap.first) - 24 : 31 - Math.clz32(gap.first & -gap.first);
  const lastMask = gap.size === 1 ? gap.first : gap.last;
  const trailing = msb ? 31 - Math.clz32(lastMask & -lastMask) : Math.clz32(lastMask) - 24;
  return { from: (start + gap.offset) * 8 + leading, to: (start + gap.offset + gap.size) * 8 - trailing };
}

function rangeOf(field: FieldPlan): { from: number; to: number } {
  const from = field.offset * 8;
  return field.plan.kind === 'bits'
    ? { from: from + field.plan.shift, to: from + field.plan.shift + field.plan.width }
    : { from, to: from + (field.plan.size ?? 0) * 8 };
}

function withGaps(
  fields: readonly FieldPlan[],
  reserved: readonly { key: string; from: number; to: number }[],
  size: number,
  prefix: string,
  msb: boolean,
): Item[] {
  const items: Item[] = [];
  const taken = [
    ...fields.map((field) => ({ ...rangeOf(field), item: field as Item | undefined, key: '' })),
    ...reserved.map((range) => ({ ...range, item: undefined, key: range.key })),
  ].sort((a, b) => a.from - b.from || a.to - b.to);
  let bit = 0;
  for (const { from, to, item, key } of taken) {
    if (from > bit) items.push(gapOf(bit, from, undefined, prefix, msb));
    if (item !== undefined) items.push(item);
    else if (to > from) items.push(gapOf(from, to, key, prefix, msb));
    bit = Math.max(bit, to);
  }
  if (size * 8 > bit) items.push(gapOf(bit, size * 8, undefined, prefix, msb));
  return items;
}

function gapOf(from: number, to: number, reserved: string | undefined, prefix: string, msb: boolean): Gap {
  const offset = Math.floor(from / 8);
  const size = Math.ceil(to / 8) - offset;
  const head = from % 8;
  const tail = (8 - (to % 8)) % 8;
  const firstMask = msb ? 0xff >> head : (0xff << head) & 0xff;
  const lastMask = msb ? (0xff << tail) & 0xff : 0xff >> tail;
  return {
    item: 'gap',
    key: reserved ?? `${prefix}${offset}${head === 0 ? '' : `.${head}`}`,
    offset,
    size,
    first: size === 1 ? firstMask & lastMask : firstMask,
    last: size === 1 ? firstMask & lastMask : lastMask,
    reserved: reserved !== undefined,
    msb,
  };
}

/**
 * An anonymous member of a struct shares the frame of that struct, `outer`, because its fields belong to the
 * same value; `label` then tells its padding from that of the struct.
 */
function lowerStruct(
  schema: Struct,
  cx: Context,
  probes: Probes = {},
  outer?: { readonly frame: Frame; readonly label: string },
): StructPlan {
  const frame: Frame = outer?.frame ?? { fields: new Map(), names: new Set(fieldNames(schema)) };
  const inner: Context = outer === undefined ? { ...cx, frames: [...cx.frames, frame] } : cx;
  const layout = new Layout(inner, schema.aligned ?? 1, outer === undefined ? '' : `${outer.label}:`);

  for (const [key, type] of Object.entries(schema.fields)) {
    const at: Context = { ...inner, path: [...cx.path, key] };
    const member = memberOf(key, type, schema.packed);
    if (member.type.kind === 'bits' || member.type.kind === 'unnamed') {
      placeBits(layout, { ...member, derived: probeRule(key, probes, at) ?? member.derived }, at);
      if (member.type.kind === 'bits' && !member.reserved) frame.fields.set(key, member.type);
      continue;
    }
    const plan =
      member.anonymous && member.type.kind === 'struct'
        ? lowerStruct(
            member.type,
            deeper(at),
            {},
            { frame, label: `${outer === undefined ? '' : `${outer.label}:`}${key}` },
          )
        : lower(member.type, at);
    const align = memberAlign(member, plan, at);
    layout.align = Math.max(layout.align, align);
    if (member.reserved) layout.reserve(key, plan, align);
    else place(layout, member, plan, align, at, probes);
    if (!member.anonymous && !member.reserved) frame.fields.set(key, member.type);
    else if (member.type.kind === 'union' || member.type.kind === 'tagged')
      for (const [name, type] of fieldTypes(member.type)) frame.fields.set(name, type);
  }

  const last = layout.segments.length === 0;
  if (last) layout.alignTo(layout.align);
  if (last || layout.size > 0 || layout.pending) layout.close(undefined);
  const [first] = layout.segments;
  const fixed = last && first !== undefined && first.variable === undefined;
  return {
    kind: 'struct',
    name: schema.name,
    segments: layout.segments,
    size: fixed ? first.size : undefined,
    minSize: layout.minSize,
    align: layout.align,
    schema,
    slack: layout.slack,
    keys: layout.keys,
    derives: layout.segments.some(({ items, variable }) =>
      (variable === undefined ? items : [...items, variable]).some(
        (item) =>
          item.item === 'field' &&
          (item.derived !== undefined ||
            (item.plan.kind === 'struct' && item.plan.shares && item.plan.derives)),
      ),
    ),
    shares: outer !== undefined,
  };
}

/** The names that the fields of a struct or union have in its value: those of anonymous members too. */
function fieldNames(schema: Struct | Union | TaggedUnion): string[] {
  return [...fieldTypes(schema)].map(([name]) => name);
}
function fieldTypes(schema: Struct | Union | TaggedUnion, depth = 0): Map<string, Schema> {
  checkDepth(depth);
  const types = new Map<string, Schema>();
  for (const [key, type] of Object.entries(schema.fields)) {
    const member = memberOf(key, type, false);
    const inner = member.type;
    if (member.anonymous && (inner.kind === 'struct' || inner.kind === 'union' || inner.kind === 'tagged'))
      for (const [name, of] of fieldTypes(inner, depth + 1)) types.set(name, of);
    else if (!member.reserved && inner.kind !== 'unnamed') types.set(key, inner);
  }
  return types;
}

function place(layout: Layout, member: Member, plan: Plan, align: number, cx: Context, probes: Probes): void {
  const { key } = member;
  const names = member.anonymous ? keysOf(plan) : [key];
  for (const name of names) {
    if (layout.takes(name)) fail('schema-invalid', `${name} is declared twice`, { path: cx.path });
    layout.keys.add(name);
  }
  if (member.anonymous && plan.kind === 'struct' && plan.size !== undefined) {
    layout.hoist(plan, align);
    return;
  }
  const probed = probeRule(key, probes, cx);
  layout.add(
    {
      key,
      plan,
      inline: member.anonymous,
      magic: member.magic,
      derived: probed ?? member.derived,
      when:
        member.when === undefined
          ? undefined
          : { ref: resolve(member.when.ref, cx), is: member.when.is, value: BigInt(member.when.value) },
    },
    align,
  );
}

/** What a probed field has to hold on this ABI, so that encode writes the hints that decode goes by. */
function probeRule(key: string, probes: Probes, cx: Context): PlanRule | undefined {
  for (const [part, probe] of Object.entries(probes) as [ProbedPart, Probes[ProbedPart]][]) {
    if (probe === undefined || probe.field !== key) continue;
    const abi = need(cx, 'a negotiated header');
    if (probe.probe === 'magic') return { rule: 'abi', part, value: probe.value };
    if (probe.probe === 'order')
      return { rule: 'abi', part, value: abi.endian === 'little' ? probe.little : probe.big };
    if (part !== 'endian') return { rule: 'abi', part, value: abi[part] };
  }
  return undefined;
}

function placeBits(layout: Layout, member: Member, cx: Context): void {
  const schema = member.type as Bits | SchemaOf<'unnamed'>;
  const base = schema.base.kind === 'int' ? schema.base : schema.base.base;
  const names = schema.base.kind === 'int' ? undefined : namesOf(schema.base);
  const key = schema.kind === 'unnamed' || member.reserved ? undefined : member.key;
  if (key !== undefined && layout.takes(key))
    fail('schema-invalid', `${key} is declared twice`, { path: cx.path });
  if (member.when !== undefined) fail('schema-invalid', 'a bit-field cannot be optional', { path: cx.path });
  layout.bits(member, base, schema.width, names, key, schema);
}

/**
 * The alignment of a member: packing takes it down to 1, unless the member itself asks for more; what its
 * type asks for by attribute is lost when packed (`layout_decl` in gcc/stor-layout.c).
 */
function memberAlign(member: Member, plan: Plan, cx: Context): number {
  const natural = member.packed ? 1 : plan.align;
  if (natural > 1 && cx.abi === undefined) need(cx, 'a member that is not packed');
  return Math.max(natural, member.aligned ?? 1);
}

function keysOf(plan: Plan): Iterable<string> {
  return plan.kind === 'struct' || plan.kind === 'union' || plan.kind === 'tagged' ? plan.keys : [];
}

/** The members of a union, all at offset 0. */
function lowerMembers(schema: Union | TaggedUnion, cx: Context) {
  const members: FieldPlan[] = [];
  const keys = new Set<string>();
  let size = 0;
  let align = schema.aligned ?? 1;
  for (const [key, type] of Object.entries(schema.fields)) {
    const at: Context = { ...cx, path: [...cx.path, key] };
    const member = memberOf(key, type, schema.packed);
    if (member.derived !== undefined)
      fail('schema-invalid', 'a member of a union cannot be derived; make it a field of a struct', {
        path: at.path,
      });
    // Each member is laid out on its own, which is what all starting at offset 0 means.
    const alone = new Layout(at, align);
    if (member.type.kind === 'bits' || member.type.kind === 'unnamed') {
      placeBits(alone, member, at);
    } else {
      const plan = lower(member.type, at);
      if (plan.size === undefined || member.when !== undefined)
        fail('schema-invalid', 'a member of a union has a fixed size', { path: at.path });
      const memberAlignment = memberAlign(member, plan, at);
      alone.align = Math.max(alone.align, memberAlignment);
      // An anonymous struct stays one member: its fields belong together.
      if (!member.reserved)
        alone.add(
          {
            key,
            plan,
            inline: member.anonymous,
            magic: member.magic,
            derived: member.derived,
            when: undefined,
          },
          1,
        );
      else alone.reserve(key, plan, 1);
      for (const name of member.anonymous ? keysOf(plan) : [key]) alone.keys.add(name);
    }
    size = Math.max(size, alone.size);
    align = alone.align;
    alone.close(undefined);
    for (const item of alone.segments[0]?.items ?? []) if (item.item === 'field') members.push(item);
    for (const name of alone.keys) {
      if (keys.has(name)) fail('schema-invalid', `${name} is declared twice`, { path: at.path });
      keys.add(name);
    }
  }
  const whole = Math.ceil(size / align) * align;
  return { members, size: whole, minSize: whole, align, keys };
}
