/** What a schema is called in C, its declaration, and its values in a line for people. */
import { toHex } from './bytes.js';
import type { Names, Plan } from './plan.js';
import type {
  Anonymous,
  Derived,
  Kind,
  Length,
  Magic,
  Schema,
  SchemaOf,
  Struct,
  TaggedUnion,
  Union,
} from './schema.js';

// --- types -------------------------------------------------------------------------------------------------

/** A C type in two parts: what stands before the name, and what after it. */
interface Spelling {
  readonly before: string;
  readonly after: string;
}

function spell(schema: Schema): Spelling {
  return (spellings[schema.kind] as (schema: Schema) => Spelling)(schema);
}
const plain = (before: string): Spelling => ({ before, after: '' });
const inner = (schema: { readonly type: Schema }): Spelling => spell(schema.type);
function dimension(length: Length): string {
  return typeof length === 'number' ? `[${length}]` : length === 'rest' ? '[]' : `[${length.ref}]`;
}

const spellings: { [K in Kind]: (schema: SchemaOf<K>) => Spelling } = {
  int: (schema) => plain(schema.name),
  enum: (schema) => plain(`enum ${schema.name}`),
  flags: (schema) => plain(schema.base.name),
  pointer: (schema) => {
    if (schema.space === 'phys') return plain('phys_addr_t');
    const target = schema.target?.();
    return plain(target === undefined ? 'void *' : pointerTo(spell(target)));
  },
  bits: (schema) => ({ before: spell(schema.base).before, after: `:${schema.width}` }),
  unnamed: (schema) => ({ before: schema.base.name, after: `:${schema.width}` }),
  chars: (schema) => ({ before: 'char', after: dimension(schema.length) }),
  bytes: (schema) => ({ before: 'u8', after: dimension(schema.length) }),
  array: (schema) => {
    const { before, after } = spell(schema.element);
    return { before, after: `${dimension(schema.length)}${after}` };
  },
  struct: (schema) => plain(`struct ${schema.name}`),
  union: (schema) => plain(`union ${schema.name}`),
  tagged: (schema) => plain(`union ${schema.name}`),
  anonymous: inner,
  attributed: inner,
  reserved: inner,
  magic: inner,
  derived: inner,
  optional: inner,
  versioned: (schema) => plain(`union ${schema.name}`),
  block: inner,
  negotiated: inner,
  foreign: (schema) => plain(schema.name),
};

function pointerTo({ before, after }: Spelling): string {
  return after === '' ? `${before}${before.endsWith('*') ? '' : ' '}*` : `${before} (*)${after}`;
}

/**
 * What a type is called in C: `u32`, `u32:3`, `char[16]`, `struct flowside`, `enum pif`, `struct x[nr]`,
 * `void *`. A physical address is a `phys_addr_t`; of several versions the name is that of a union of them.
 */
export function typeText(schema: Schema): string {
  const { before, after } = spell(schema);
  return `${before}${after}`;
}

/** A type with the name that is declared: `char name[16]`. */
export function declarator(schema: Schema, name: string): string {
  const { before, after } = spell(schema);
  return `${before}${before.endsWith('*') ? '' : ' '}${name}${after}`;
}

// --- declarations ------------------------------------------------------------------------------------------

/**
 * The whole declaration as C text: the types it uses first, each once, then the type itself. What C cannot
 * say (what counts an array, which tag chooses a member, what is reserved) stands in comments.
 */
export function declaration(schema: Schema): string {
  const out = new Map<string, string>();
  declareTypes(schema, out);
  const all = [...out.values()];
  const own = strip(schema);
  if (!isAggregate(own) && own.kind !== 'enum' && own.kind !== 'flags' && own.kind !== 'versioned')
    all.push(`typedef ${declarator(schema, 'value')};${commentOf(notesOf(schema))}`);
  return all.join('\n\n');
}

type Aggregate = Struct | Union | TaggedUnion;
function isAggregate(schema: Schema): schema is Aggregate {
  return schema.kind === 'struct' || schema.kind === 'union' || schema.kind === 'tagged';
}

/** The schema without what stands around a type. */
function strip(schema: Schema): Schema {
  switch (schema.kind) {
    case 'attributed':
    case 'reserved':
    case 'magic':
    case 'derived':
    case 'optional':
    case 'block':
    case 'negotiated':
    case 'anonymous':
      return strip(schema.type);
    case 'array':
      return strip(schema.element);
    case 'bits':
      return schema.base;
    default:
      return schema;
  }
}

/** Declares a type after all that it is made of. What pointers point to is only named. */
function declareTypes(schema: Schema, out: Map<string, string>): void {
  const own = strip(schema);
  if (own.kind === 'enum' || own.kind === 'flags') {
    const name = `${own.kind} ${own.name}`;
    if (!out.has(name)) out.set(name, own.kind === 'enum' ? enumText(own) : flagsText(own));
    return;
  }
  if (own.kind === 'versioned') {
    for (const type of Object.values(own.cases)) declareTypes(type, out);
    const lines = Object.entries(own.cases).map(
      ([tag, type]) => `\t${declarator(type, `v${tag}`)};${commentOf([`where ${own.by.ref} is ${tag}`])}`,
    );
    out.set(`union ${own.name}`, `union ${own.name} {\n${lines.join('\n')}\n};`);
    return;
  }
  if (!isAggregate(own)) return;
  const name = spell(own).before;
  if (out.has(name)) return;
  declareMembers(own, out);
  out.set(name, `${name} ${body(own, 1)}${attributes(own)};`);
}
function declareMembers(schema: Aggregate, out: Map<string, string>): void {
  for (const type of Object.values(schema.fields)) {
    const named = anonymousOf(type);
    if (named === undefined) declareTypes(type, out);
    else declareMembers(named.type, out);
  }
}
function anonymousOf(schema: Schema): Anonymous | undefined {
  if (schema.kind === 'anonymous') return schema;
  return schema.kind === 'attributed' || schema.kind === 'optional' ? anonymousOf(schema.type) : undefined;
}

function enumText(schema: SchemaOf<'enum'>): string {
  const lines = Object.entries(schema.members).map(([name, value]) => `\t${name} = ${value},`);
  return `enum ${schema.name} { /* in a ${schema.base.name} */\n${lines.join('\n')}\n};`;
}
function flagsText(schema: SchemaOf<'flags'>): string {
  const lines = Object.entries(schema.members).map(([name, value]) => `#define ${name} ${hexText(value)}`);
  return `/* ${schema.name}: flags in a ${schema.base.name} */\n${lines.join('\n')}`;
}

function body(schema: Aggregate, depth: number): string {
  const tabs = '\t'.repeat(depth);
  const lines = Object.entries(schema.fields).map(([key, type]) => {
    const notes = notesOf(type);
    if (schema.kind === 'tagged') {
      const tags = Object.keys(schema.arms).filter((tag) => schema.arms[tag] === key);
      if (tags.length > 0) notes.push(`where ${schema.by.ref} is ${tags.join(' or ')}`);
    }
    const named = anonymousOf(type);
    if (named !== undefined) {
      const { kind } = named.type;
      const inside = body(named.type, depth + 1);
      return `${tabs}${kind === 'struct' ? 'struct' : 'union'} ${inside}${attributes(named.type)};${commentOf(notes)}`;
    }
    const text = type.kind === 'unnamed' ? declarator(type, '') : declarator(type, key);
    return `${tabs}${text}${memberAttributes(type)};${commentOf(notes)}`;
  });
  return `{\n${lines.map((line) => `${line}\n`).join('')}${'\t'.repeat(depth - 1)}}`;
}

function attributes(schema: Aggregate): string {
  const list = [
    ...(schema.packed ? ['packed'] : []),
    ...(schema.aligned === undefined ? [] : [`aligned(${schema.aligned})`]),
  ];
  return list.length === 0 ? '' : ` __attribute__((${list.join(', ')}))`;
}
function memberAttributes(schema: Schema): string {
  const list: string[] = [];
  for (let type: Schema = schema; ; type = type.type) {
    if (type.kind === 'attributed')
      list.push(
        ...(type.packed ? ['packed'] : []),
        ...(type.aligned === undefined ? [] : [`aligned(${type.aligned})`]),
      );
    if (
      type.kind !== 'attributed' &&
      type.kind !== 'reserved' &&
      type.kind !== 'magic' &&
      type.kind !== 'derived' &&
      type.kind !== 'optional'
    )
      return list.length === 0 ? '' : ` __attribute__((${list.join(', ')}))`;
  }
}

function commentOf(notes: readonly string[]): string {
  return notes.length === 0 ? '' : ` /* ${notes.join('; ')} */`;
}

/** What there is to say about a member that C has no words for. */
function notesOf(schema: Schema): string[] {
  switch (schema.kind) {
    case 'reserved':
      return ['reserved, zero', ...notesOf(schema.type)];
    case 'magic':
      return [`always ${magicText(schema)}`, ...notesOf(schema.type)];
    case 'derived':
      return [ruleText(schema.rule), ...notesOf(schema.type)];
    case 'optional': {
      const { ref, is, value } = schema.when;
      return [
        `only if ${ref} ${OPERATORS[is]} ${is === 'any-bit' ? hexText(value) : value}`,
        ...notesOf(schema.type),
      ];
    }
    case 'attributed':
      return notesOf(schema.type);
    case 'block':
      return [
        `in a block of ${schema.size === 'page' ? 'a page' : `${typeof schema.size === 'number' ? schema.size : schema.size.ref} bytes`}`,
        ...notesOf(schema.type),
      ];
    case 'array':
      return [...lengthNote(schema.length), ...notesOf(schema.element)];
    case 'chars':
    case 'bytes':
      return lengthNote(schema.length);
    case 'pointer': {
      const target = schema.target?.();
      return schema.space === 'phys' && target !== undefined ? [`of ${typeText(target)}`] : [];
    }
    case 'versioned':
      return [`by ${schema.by.ref}`];
    case 'flags':
      return [`flags ${schema.name}`];
    case 'bits':
      return notesOf(schema.base);
    case 'int':
    case 'enum':
    case 'unnamed':
    case 'struct':
    case 'union':
    case 'tagged':
    case 'anonymous':
    case 'negotiated':
    case 'foreign':
      return [];
  }
}
const OPERATORS = { equal: '==', different: '!=', 'at-least': '>=', 'any-bit': '&' } as const;

function lengthNote(length: Length): string[] {
  if (length === 'rest') return ['all that is left'];
  return typeof length === 'number' ? [] : [`counted by ${length.ref}`];
}
function magicText(schema: Magic): string {
  const { value } = schema;
  if (value instanceof Uint8Array) return toHex(value);
  return typeof value === 'string' ? JSON.stringify(value) : hexText(value);
}
function ruleText(rule: Derived['rule']): string {
  switch (rule.rule) {
    case 'count':
      return `the length of ${rule.of}`;
    case 'size':
      return `the size of ${rule.of} in bytes`;
    case 'size-of-struct':
      return 'the size of this struct in bytes';
    case 'checksum':
      return `${rule.name} of this struct`;
  }
}

// --- values ------------------------------------------------------------------------------------------------

/** Bytes shown of a long byte array. */
const SHOWN = 32;

/**
 * A value in a line for people: integers as their declaration asks (decimal or hexadecimal), `ESTABLISHED (1)`
 * for enums, `SACK|WSCALE (0x6)` for flags, text quoted, bytes in their own form or as hex. A value that is
 * not of the plan's kind, as lenient decodes may give, is shown as what it is.
 */
export function valueText(plan: Plan, value: unknown): string {
  if (value === undefined) return 'missing';
  if (typeof value === 'number' || typeof value === 'bigint') return numberText(plan, value);
  if (typeof value === 'string') return JSON.stringify(value);
  if (value instanceof Uint8Array)
    return (plan.kind === 'bytes' ? plan.text?.print(value) : undefined) ?? bytesText(value);
  if (Array.isArray(value)) return `${value.length} ${value.length === 1 ? 'element' : 'elements'}`;
  if (typeof value === 'object' && value !== null) {
    const keys = Object.keys(value);
    return keys.length === 0 ? '{}' : `{ ${keys.slice(0, 4).join(', ')}${keys.length > 4 ? ', …' : ''} }`;
  }
  return String(value);
}

/** Bytes as hex, a long run shortened and with its length. */
export function bytesText(bytes: Uint8Array): string {
  if (bytes.length === 0) return '(no bytes)';
  if (bytes.length <= SHOWN) return toHex(bytes);
  return bytes.every((byte) => byte === bytes[0])
    ? `${toHex(bytes.subarray(0, 1))} × ${bytes.length}`
    : `${toHex(bytes.subarray(0, SHOWN))}… (${bytes.length} bytes)`;
}

function numberText(plan: Plan, value: number | bigint): string {
  if (plan.kind !== 'int' && plan.kind !== 'bits') return String(value);
  const width = plan.kind === 'bits' ? plan.width : plan.size * 8;
  const digits = plan.format === 'hex' ? hexText(value, width) : String(value);
  if (plan.names === undefined) return digits;
  return plan.names.kind === 'enum'
    ? `${enumName(plan.names, value) ?? 'unknown'} (${digits})`
    : `${flagNames(plan.names, value, width)} (${hexText(value, width)})`;
}

/** The name of an enum's value; undefined where it has none. */
export function enumName(names: Names, value: number | bigint): string | undefined {
  let known = namesByValue.get(names);
  if (known === undefined) {
    known = new Map();
    // Of names for the same value the first one counts.
    for (const [name, member] of Object.entries(names.members))
      if (!known.has(BigInt(member))) known.set(BigInt(member), name);
    namesByValue.set(names, known);
  }
  return known.get(BigInt(value));
}
const namesByValue = new WeakMap<Names, Map<bigint, string>>();

/** The bits of a value of so many bits that no flag has. */
export function unknownFlags(names: Names, value: number | bigint, width: number): bigint {
  let known = knownBits.get(names);
  if (known === undefined) {
    known = Object.values(names.members).reduce<bigint>((all, member) => all | BigInt(member), 0n);
    knownBits.set(names, known);
  }
  return BigInt.asUintN(width, BigInt(value) & ~known);
}
const knownBits = new WeakMap<Names, bigint>();

/** `SACK|WSCALE|0x40`: flags that are set, as many bits at once as have a name; `0` if none is. */
function flagNames(names: Names, value: number | bigint, width: number): string {
  const all = BigInt.asUintN(width, BigInt(value));
  if (all === 0n) return enumName(names, 0) ?? '0';
  const known = Object.entries(names.members)
    .map(([name, member]) => ({ name, mask: BigInt.asUintN(width, BigInt(member)) }))
    .filter(({ mask }) => mask !== 0n && (all & mask) === mask);
  // A mask within a larger one that is set as well says nothing more.
  const told = known.filter(
    ({ mask }) => !known.some((other) => other.mask !== mask && (other.mask & mask) === mask),
  );
  const unknown = told.reduce((left, { mask }) => left & ~mask, all);
  return [...told.map(({ name }) => name), ...(unknown === 0n ? [] : [hexText(unknown)])].join('|');
}

function hexText(value: number | bigint, width = 64): string {
  return `0x${BigInt.asUintN(width, BigInt(value)).toString(16)}`;
}
