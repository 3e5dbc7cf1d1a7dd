/**
 * Values as JSON and back, without loss: `fromJSON(toJSON(decode(b)))` encodes to `b`.
 *
 * - Integers that are numbers on every ABI are JSON numbers. Those of 64 bits, and those whose size the ABI
 *   decides, are strings, decimal or `0x…` as the field is declared, because JSON readers round them.
 * - Bytes are hex, or text where the field has a text form (an IP address, say); `hex:…` is always hex.
 * - Slack (padding, reserved bits, bytes after a text's NUL) travels under the key `$slack` of the object that
 *   it belongs to. That of an array's elements is there too, as `name[3]`; where there is no object around the
 *   array, the whole is `{ "$value": …, "$slack": … }`.
 */
import type { ABI } from './abi.js';
import { dataView, fromHex } from './bytes.js';
import { CarryoverError, type Path } from './error.js';
import { decodeForeign, encodeForeign } from './foreign.js';
import type { BitsPlan, FieldPlan, IntPlan, Names, Plan, PlanKind, PlanOf, VersionedPlan } from './plan.js';
import { planOf } from './plan.js';
import { type Memory, type Params, resolveRef, type Scope } from './refs.js';
import type { Schema } from './schema.js';
import { isObject, type Slack, setSlack, slackOf } from './slack.js';
import { suggest } from './suggest.js';

export type JSONValue =
  | null
  | boolean
  | number
  | string
  | readonly JSONValue[]
  | { readonly [key: string]: JSONValue };

/** What {@link fromJSON} takes: JSON, and in it also values as decode gives them. */
export type JSONInput =
  | JSONValue
  | bigint
  | Uint8Array
  | readonly JSONInput[]
  | { readonly [key: string]: JSONInput };

export interface JSONOptions {
  readonly abi?: ABI | undefined;
  /** Values for references that no field answers, as decode takes them. */
  readonly params?: Params | undefined;
  readonly memory?: Memory | undefined;
}
export interface ToJSONOptions extends JSONOptions {
  /** Writes the names of enum members and flags instead of their integers. */
  readonly names?: boolean | undefined;
}

/** The reserved key of what a value does not tell. */
export const SLACK_KEY = '$slack';
const VALUE_KEY = '$value';

/**
 * A decoded value as plain JSON. Takes what a lenient decode gives, too: parts that are missing are left out,
 * or null in an array.
 */
export function toJSON(schema: Schema, value: unknown, options: ToJSONOptions = {}): JSONValue {
  const plan = planOf(schema, options.abi);
  const walk = new ToJSON(options);
  const slack: Record<string, JSONValue> = {};
  walk.slack = slack;
  const json = walk.value(plan, value) ?? null;
  // A struct at the root has told its own slack, an array that of its elements; of anything else it is told here.
  const told = plainObject(json) && json[SLACK_KEY] !== undefined;
  if (isObject(value) && !Array.isArray(value) && !told) walk.keep(slackOf(value), slack);
  if (Object.keys(slack).length === 0) return json;
  return plainObject(json) ? { ...json, [SLACK_KEY]: slack } : { [VALUE_KEY]: json, [SLACK_KEY]: slack };
}

/**
 * The value that the JSON stands for, ready for encode. Fields may be left out (encode says which it needs).
 *
 * @throws CarryoverError `value-type`, `value-range`, `value-unknown`, `slack-mismatch`, each with its path.
 */
export function fromJSON(schema: Schema, json: JSONInput, options: JSONOptions = {}): unknown {
  const plan = planOf(schema, options.abi);
  return new FromJSON(options).root(plan, json);
}

/** The same for a part whose plan is at hand; `path` is where it stands, for errors. */
export function fromJSONByPlan(plan: Plan, json: JSONInput, path: Path, options: JSONOptions = {}): unknown {
  const walk = new FromJSON(options);
  walk.path.push(...path);
  return walk.root(plan, json);
}

/** An integer as JSON has it: a number, or a string where it can be larger than JSON readers take. */
function integerToJSON(plan: IntPlan | BitsPlan, value: number | bigint): number | string {
  return isText(plan) ? integerText(value, plan.format) : Number(value);
}

/** The name of an enum's member, or of all the flags that are set, joined by `|`; undefined if there is none. */
export function nameOf(names: Names, value: number | bigint, width: number): string | undefined {
  const all = BigInt.asUintN(width, BigInt(value));
  if (names.kind === 'enum' || all === 0n) {
    for (const [name, member] of Object.entries(names.members))
      if (fitsWidth(BigInt(member), width) && BigInt.asUintN(width, BigInt(member)) === all) return name;
    return undefined;
  }
  let rest = all;
  const found: string[] = [];
  for (const [name, member] of Object.entries(names.members)) {
    const bits = BigInt.asUintN(width, BigInt(member));
    if (!fitsWidth(BigInt(member), width)) continue;
    if (bits === 0n || (all & bits) !== bits || (rest & bits) === 0n) continue;
    found.push(name);
    rest &= ~bits;
  }
  if (found.length === 0) return undefined;
  if (rest !== 0n) found.push(`0x${rest.toString(16)}`);
  return found.join('|');
}

/** Whether so many bits can hold the value, be they signed or not. A member of an enum may be wider than a bit-field. */
function fitsWidth(value: bigint, width: number): boolean {
  return BigInt.asUintN(width, value) === value || BigInt.asIntN(width, value) === value;
}

/** Bytes as JSON has them: in their text form if that reads back to the same bytes, else as hex. */
function bytesToJSON(plan: PlanOf<'bytes'>, value: Uint8Array): string {
  const form = plan.text;
  if (form === undefined) return hexText(value);
  const text = form.print(value);
  const back = text === undefined ? undefined : form.parse(text);
  if (text !== undefined && back !== undefined && sameBytes(back, value)) return text;
  const hex = hexText(value);
  return form.parse(hex) === undefined ? hex : `hex:${hex}`;
}

/**
 * Hex digits of many bytes. Each piece is made of character codes at once: a string that grows by two digits 64
 * million times is a tree of as many parts, which fills the heap and takes half a minute to flatten.
 */
export function hexText(bytes: Uint8Array): string {
  const pieces: string[] = [];
  const codes = new Uint8Array(2 * Math.min(bytes.length, HEX_PIECE));
  for (let at = 0; at < bytes.length; at += HEX_PIECE) {
    const end = Math.min(bytes.length, at + HEX_PIECE);
    let used = 0;
    for (let i = at; i < end; i++) {
      const byte = bytes[i] ?? 0;
      codes[used++] = digitCode(byte >> 4);
      codes[used++] = digitCode(byte & 15);
    }
    pieces.push(Reflect.apply(String.fromCharCode, undefined, codes.subarray(0, used)));
  }
  return pieces.join('');
}
/** Bytes in a piece: its digits are the arguments of one call. */
const HEX_PIECE = 4096;
/** The character code of a hex digit. */
function digitCode(digit: number): number {
  return digit < 10 ? 48 + digit : 87 + digit;
}

/** The fields of a struct's or union's value by name, those of anonymous members among them. */
export function fieldsByName(plan: PlanOf<'struct' | 'union' | 'tagged'>): ReadonlyMap<string, FieldPlan> {
  const known = fieldMaps.get(plan);
  if (known !== undefined) return known;
  const map = new Map<string, FieldPlan>();
  for (const field of ownFields(plan)) {
    const { plan: inner } = field;
    if (!field.inline) map.set(field.key, field);
    else if (inner.kind === 'struct' || inner.kind === 'union' || inner.kind === 'tagged')
      for (const [key, deeper] of fieldsByName(inner)) map.set(key, deeper);
  }
  fieldMaps.set(plan, map);
  return map;
}
const fieldMaps = new WeakMap<Plan, ReadonlyMap<string, FieldPlan>>();

function ownFields(plan: PlanOf<'struct' | 'union' | 'tagged'>): readonly FieldPlan[] {
  if (plan.kind !== 'struct') return plan.members;
  const known = fieldLists.get(plan);
  if (known !== undefined) return known;
  const list = plan.segments.flatMap((segment) => [
    ...segment.items.filter((item): item is FieldPlan => item.item === 'field'),
    ...(segment.variable === undefined ? [] : [segment.variable]),
  ]);
  fieldLists.set(plan, list);
  return list;
}
const fieldLists = new WeakMap<Plan, readonly FieldPlan[]>();

/** What both directions share: the structs around what is being converted, for versions chosen by a field. */
abstract class Walk implements Scope {
  readonly params: Params | undefined;
  readonly memory: Memory | undefined;
  readonly scopes: Record<string, unknown>[] = [];

  constructor(options: JSONOptions) {
    this.params = options.params;
    this.memory = options.memory;
  }
  // Tags behind pointers choose members of unions only, and those are named in the value.
  readTarget(): undefined {
    return undefined;
  }
  version(plan: VersionedPlan): Plan | undefined {
    const tag = resolveRef(plan.by, this);
    return tag === undefined ? undefined : plan.cases.get(tag.toString());
  }
}

class ToJSON extends Walk {
  readonly names: boolean;
  /** Slack of the object being made, and where in it we are. */
  slack: Record<string, JSONValue> = {};
  place = '';

  constructor(options: ToJSONOptions) {
    super(options);
    this.names = options.names ?? false;
  }

  value(plan: Plan, value: unknown): JSONValue | undefined {
    if (value === undefined) return undefined;
    return (toJSONs[plan.kind] as (plan: Plan, walk: ToJSON, value: unknown) => JSONValue | undefined)(
      plan,
      this,
      value,
    );
  }
  keep(from: Slack | undefined, into: Record<string, JSONValue>): void {
    for (const [key, bytes] of Object.entries(from ?? {})) into[key] = hexText(bytes);
  }
  fields(plan: PlanOf<'struct' | 'union' | 'tagged'>, value: unknown, json: Record<string, JSONValue>): void {
    if (!isObject(value)) return;
    if (plan.kind === 'struct') this.scopes.push(value);
    for (const field of ownFields(plan)) {
      this.place = field.key;
      if (field.inline) {
        if (field.plan.kind === 'struct' || field.plan.kind === 'union' || field.plan.kind === 'tagged')
          this.fields(field.plan, value, json);
        continue;
      }
      if (!Object.hasOwn(value, field.key)) continue;
      const member = this.value(field.plan, value[field.key]);
      if (member !== undefined) json[field.key] = member;
    }
    if (plan.kind === 'tagged' && value.$raw instanceof Uint8Array) json.$raw = hexText(value.$raw);
    if (plan.kind === 'struct') this.scopes.pop();
  }
  integer(plan: IntPlan | BitsPlan, value: unknown): JSONValue | undefined {
    if (typeof value !== 'number' && typeof value !== 'bigint') return undefined;
    const name =
      this.names && plan.names !== undefined ? nameOf(plan.names, value, widthOf(plan)) : undefined;
    return name ?? integerToJSON(plan, value);
  }
}

const toJSONs: {
  [K in PlanKind]: (plan: PlanOf<K>, walk: ToJSON, value: unknown) => JSONValue | undefined;
} = {
  int: (plan, walk, value) => walk.integer(plan, value),
  bits: (plan, walk, value) => walk.integer(plan, value),
  chars: (_plan, _walk, value) => (typeof value === 'string' ? value : undefined),
  bytes: (plan, _walk, value) => (value instanceof Uint8Array ? bytesToJSON(plan, value) : undefined),
  array: (plan, walk, value) => {
    if (!Array.isArray(value)) return undefined;
    const { place } = walk;
    for (const [key, bytes] of Object.entries(slackOf(value) ?? {})) {
      const [, index, tail] = /^(\d+)(\+?)$/.exec(key) ?? [];
      walk.slack[index === undefined ? key : `${place}[${index}]${tail}`] = hexText(bytes);
    }
    const json: JSONValue[] = [];
    for (let i = 0; i < value.length; i++) {
      walk.place = `${place}[${i}]`;
      json.push(walk.value(plan.element, value[i]) ?? null);
    }
    walk.place = place;
    return json;
  },
  struct: (plan, walk, value) => {
    if (!isObject(value)) return undefined;
    const { slack, place } = walk;
    const own: Record<string, JSONValue> = {};
    walk.slack = own;
    walk.keep(slackOf(value), own);
    const json: Record<string, JSONValue> = {};
    walk.fields(plan, value, json);
    if (Object.keys(own).length > 0) json[SLACK_KEY] = own;
    walk.slack = slack;
    walk.place = place;
    return json;
  },
  union: (plan, walk, value) => unionToJSON(plan, walk, value),
  tagged: (plan, walk, value) => unionToJSON(plan, walk, value),
  versioned: (plan, walk, value) => {
    const chosen = walk.version(plan);
    return chosen === undefined ? undefined : walk.value(chosen, value);
  },
  block: (plan, walk, value) => walk.value(plan.type, value),
  foreign: (plan, _walk, value) => {
    if (isPlain(value)) return value;
    return { $bytes: hexText(encodeForeign(plan, value, {})) };
  },
};

function unionToJSON(plan: PlanOf<'union' | 'tagged'>, walk: ToJSON, value: unknown): JSONValue | undefined {
  if (!isObject(value)) return undefined;
  const { place } = walk;
  const json: Record<string, JSONValue> = {};
  walk.fields(plan, value, json);
  walk.place = place;
  return json;
}

class FromJSON extends Walk {
  readonly path: (string | number)[] = [];

  root(plan: Plan, json: JSONInput): unknown {
    const wrapped = plainObject(json) && VALUE_KEY in json;
    const value = this.value(plan, wrapped ? (json[VALUE_KEY] ?? null) : json);
    const slack = plainObject(json) ? json[SLACK_KEY] : undefined;
    // A struct has taken its own.
    const taken = !wrapped && planOfObject(plan, this)?.kind === 'struct';
    if (slack !== undefined && !taken) this.slack(slack, value);
    return value;
  }

  value(plan: Plan, json: JSONInput): unknown {
    return (fromJSONs[plan.kind] as (plan: Plan, walk: FromJSON, json: JSONInput) => unknown)(
      plan,
      this,
      json,
    );
  }
  at<T>(part: string | number, work: () => T): T {
    this.path.push(part);
    const result = work();
    this.path.pop();
    return result;
  }
  fail(
    code: 'value-type' | 'value-range' | 'value-unknown' | 'slack-mismatch' | 'version-unknown',
    reason: string,
    expected: string,
    json: JSONInput,
  ): never {
    throw new CarryoverError(code, reason, { path: [...this.path], expected, found: describe(json) });
  }

  object(plan: PlanOf<'struct' | 'union' | 'tagged'>, json: JSONInput): Record<string, unknown> {
    if (!plainObject(json)) this.fail('value-type', 'this is not an object', 'an object', json);
    const fields = fieldsByName(plan);
    for (const key of Object.keys(json)) {
      // Among the keys is $raw, also for an anonymous union.
      if (fields.has(key) || key === SLACK_KEY || (key === '$raw' && plan.keys.has(key))) continue;
      const near = suggest(key, fields.keys());
      const names = [...fields.keys()];
      this.at(key, () =>
        this.fail(
          'value-unknown',
          `${plan.name} has no field ${JSON.stringify(key)}${near === undefined ? '' : `; did you mean ${near}?`}`,
          `one of ${names.slice(0, 12).join(', ')}${names.length > 12 ? ', …' : ''}`,
          json[key] ?? null,
        ),
      );
    }
    const value: Record<string, unknown> = {};
    this.fields(plan, json, value);
    return value;
  }
  fields(
    plan: PlanOf<'struct' | 'union' | 'tagged'>,
    json: { readonly [key: string]: JSONInput },
    value: Record<string, unknown>,
  ): void {
    if (plan.kind === 'struct') this.scopes.push(value);
    for (const field of ownFields(plan)) {
      const { plan: inner, key } = field;
      if (field.inline) {
        if (inner.kind === 'struct' || inner.kind === 'union' || inner.kind === 'tagged')
          this.fields(inner, json, value);
        continue;
      }
      const given = Object.hasOwn(json, key) ? json[key] : undefined;
      if (given !== undefined) value[key] = this.at(key, () => this.value(inner, given));
      // What has one right value may be left out, and a version may depend on it.
      else if (field.magic !== undefined) value[key] = field.magic;
      else if (field.derived?.rule === 'abi') value[key] = field.derived.value;
    }
    if (plan.kind === 'tagged' && json.$raw !== undefined) {
      const raw = json.$raw;
      value.$raw = this.at('$raw', () => this.bytes(raw));
    }
    if (plan.kind === 'struct') this.scopes.pop();
  }

  /** Puts `$slack` beside the objects and arrays that it belongs to. */
  slack(json: JSONInput, value: unknown): void {
    this.at(SLACK_KEY, () => {
      if (!plainObject(json)) this.fail('value-type', 'slack is kept by its place', 'an object', json);
      const own: Record<string, Uint8Array> = {};
      for (const [key, text] of Object.entries(json)) {
        const kept = this.at(key, () => this.bytes(text));
        const [, name, indexes, tail] = /^([^[\]]*)((?:\[\d{1,10}\])+)(\+?)$/.exec(key) ?? [];
        if (name === undefined || indexes === undefined) {
          own[key] = kept;
          continue;
        }
        const parts = indexes.slice(1, -1).split('][').map(Number);
        const last = parts.pop() ?? 0;
        let owner: unknown = name === '' ? value : isObject(value) ? value[name] : undefined;
        for (const part of parts) owner = Array.isArray(owner) ? owner[part] : undefined;
        if (!Array.isArray(owner) || last >= owner.length)
          return this.at(key, () =>
            this.fail('slack-mismatch', 'there is no such element', 'the place of an element', text),
          );
        setSlack(owner, { ...slackOf(owner), [`${last}${tail}`]: kept });
      }
      if (Object.keys(own).length === 0) return;
      if (!isObject(value))
        this.fail('slack-mismatch', 'nothing can be kept beside a scalar', 'no slack', json);
      setSlack(value, { ...slackOf(value), ...own });
    });
  }

  bytes(json: JSONInput): Uint8Array {
    if (json instanceof Uint8Array) return json;
    const text = typeof json === 'string' ? json.replace(/^hex:/, '') : undefined;
    const found = text === undefined ? undefined : hexBytes(text);
    return found ?? this.fail('value-type', 'these are not bytes', 'hex digits, two a byte', json);
  }

  integer(plan: IntPlan | BitsPlan, json: JSONInput): number | bigint {
    const width = widthOf(plan);
    // What nearly all fields of nearly all documents are needs no bigint.
    if (typeof json === 'number' && plan.as !== 'bigint' && width <= 32 && Number.isInteger(json)) {
      const half = 2 ** (width - 1);
      if (plan.signed ? json >= -half && json < half : json >= 0 && json < 2 * half) return json + 0;
    }
    const value = this.number(plan, json);
    const low = plan.signed ? -(2n ** BigInt(width - 1)) : 0n;
    const high = plan.signed ? 2n ** BigInt(width - 1) - 1n : 2n ** BigInt(width) - 1n;
    if (value < low || value > high)
      this.fail('value-range', 'the value does not fit its field', `${low} to ${high}`, json);
    if (plan.as === 'bigint') return value;
    const number = Number(value);
    if (!Number.isSafeInteger(number))
      this.fail('value-range', 'the field is declared to be exact as a number', 'at most 2^53 - 1', json);
    return number;
  }
  private number(plan: IntPlan | BitsPlan, json: JSONInput): bigint {
    if (typeof json === 'bigint') return json;
    if (typeof json === 'number') {
      if (Number.isSafeInteger(json)) return BigInt(json);
      if (Number.isInteger(json))
        this.fail(
          'value-range',
          'a JSON number of that size has been rounded; write it as a string',
          'a string',
          json,
        );
      this.fail('value-type', 'this is not an integer', 'an integer', json);
    }
    if (typeof json !== 'string') this.fail('value-type', 'this is not an integer', 'an integer', json);
    const direct = parseInteger(json);
    if (direct !== undefined) return direct;
    const { names } = plan;
    if (names === undefined)
      this.fail('value-type', 'this is not an integer', 'a decimal or 0x… integer', json);
    let value = 0n;
    const parts = names.kind === 'flags' ? json.split('|') : [json];
    for (const part of parts.map((each) => each.trim())) {
      const member = Object.hasOwn(names.members, part)
        ? BigInt(names.members[part] ?? 0)
        : names.kind === 'flags'
          ? parseInteger(part)
          : undefined;
      if (member === undefined) {
        const near = suggest(part, Object.keys(names.members));
        const known = Object.keys(names.members);
        this.fail(
          'value-type',
          `${names.name} has no member ${JSON.stringify(part)}${near === undefined ? '' : `; did you mean ${near}?`}`,
          `an integer, or one of ${known.slice(0, 16).join(', ')}${known.length > 16 ? ', …' : ''}`,
          json,
        );
      }
      value |= member;
    }
    // Names tell bits: the highest one of a signed field is its sign.
    const width = widthOf(plan);
    if (!fitsWidth(value, width)) return value;
    return plan.signed ? BigInt.asIntN(width, value) : BigInt.asUintN(width, value);
  }
}

const fromJSONs: { [K in PlanKind]: (plan: PlanOf<K>, walk: FromJSON, json: JSONInput) => unknown } = {
  int: (plan, walk, json) => walk.integer(plan, json),
  bits: (plan, walk, json) => walk.integer(plan, json),
  chars: (_plan, walk, json) =>
    typeof json === 'string' ? json : walk.fail('value-type', 'this is not a text', 'a string', json),
  bytes: (plan, walk, json) => {
    if (typeof json === 'string' && plan.text !== undefined && !json.startsWith('hex:')) {
      const parsed = plan.text.parse(json);
      if (parsed !== undefined) return parsed;
      if (hexBytes(json) === undefined)
        walk.fail('value-type', `this is no ${plan.text.name}`, `${plan.text.name}, or hex digits`, json);
    }
    return walk.bytes(json);
  },
  array: (plan, walk, json) => {
    if (!Array.isArray(json)) return walk.fail('value-type', 'this is not an array', 'an array', json);
    const elements: readonly JSONInput[] = json;
    return elements.map((element, i) => walk.at(i, () => walk.value(plan.element, element)));
  },
  struct: (plan, walk, json) => {
    const value = walk.object(plan, json);
    const slack = plainObject(json) ? json[SLACK_KEY] : undefined;
    if (slack !== undefined) walk.slack(slack, value);
    return value;
  },
  union: (plan, walk, json) => walk.object(plan, json),
  tagged: (plan, walk, json) => walk.object(plan, json),
  versioned: (plan, walk, json) => {
    const chosen = walk.version(plan);
    if (chosen === undefined)
      return walk.fail(
        'version-unknown',
        `which version of ${plan.name} this is, is not known`,
        `${plan.by.text} to be ${[...plan.cases.keys()].join(', ')}`,
        json,
      );
    return walk.value(chosen, json);
  },
  block: (plan, walk, json) => walk.value(plan.type, json),
  foreign: (plan, walk, json) => {
    if (!plainObject(json) || json.$bytes === undefined) return json;
    const raw = walk.bytes(json.$bytes);
    const input = dataView(raw);
    return decodeForeign(plan, input, 0, raw.length, false, { path: [...walk.path] }).value;
  },
};

/** What a plan comes to where it stands for another. */
function planOfObject(plan: Plan, walk: Walk): Plan | undefined {
  if (plan.kind === 'block') return planOfObject(plan.type, walk);
  if (plan.kind !== 'versioned') return plan;
  const chosen = walk.version(plan);
  return chosen === undefined ? undefined : planOfObject(chosen, walk);
}

/** Whether JSON has it as a string: what is a bigint, and what is wider than 32 bits on some ABI. */
function isText(plan: IntPlan | BitsPlan): boolean {
  if (plan.as === 'bigint' || plan.kind === 'bits') return plan.as === 'bigint';
  const { schema } = plan;
  const base = 'base' in schema ? schema.base : schema;
  const size = 'size' in base ? base.size : plan.size;
  return typeof size !== 'number' || size > 4;
}
function widthOf(plan: IntPlan | BitsPlan): number {
  return plan.kind === 'bits' ? plan.width : plan.size * 8;
}
function integerText(value: number | bigint, format: 'dec' | 'hex'): string {
  if (format === 'dec') return value.toString();
  return value < 0 ? `-0x${(-BigInt(value)).toString(16)}` : `0x${value.toString(16)}`;
}
/** A decimal or `0x…` integer, with or without a sign; undefined if the text is none. */
export function parseInteger(text: string): bigint | undefined {
  const [, sign, digits] = /^\s*([+-]?)(0[xX][0-9a-fA-F]{1,32}|\d{1,40})\s*$/.exec(text) ?? [];
  if (digits === undefined) return undefined;
  return sign === '-' ? -BigInt(digits) : BigInt(digits);
}
/** `fromHex`, also of digits that are grouped by white space. */
function hexBytes(text: string): Uint8Array | undefined {
  return fromHex(/\s/.test(text) ? text.replace(/\s+/g, '') : text);
}
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether JSON is an object, and not null or an array. */
export function plainObject(json: JSONValue | undefined): json is { readonly [key: string]: JSONValue };
export function plainObject(json: JSONInput | undefined): json is { readonly [key: string]: JSONInput };
export function plainObject(json: JSONInput | undefined): boolean {
  return typeof json === 'object' && json !== null && !Array.isArray(json) && !(json instanceof Uint8Array);
}
/** Whether a value of a foreign type is JSON as it is, and reads as nothing else. */
function isPlain(value: unknown): value is JSONValue {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (Array.isArray(value)) return value.every(isPlain);
  if (typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return false;
  return !('$bytes' in value) && Object.values(value).every(isPlain);
}
function describe(json: JSONInput): string {
  if (typeof json === 'string') return JSON.stringify(json.length > 60 ? `${json.slice(0, 60)}…` : json);
  if (Array.isArray(json)) return `an array of ${json.length}`;
  if (json instanceof Uint8Array) return 'bytes';
  return plainObject(json) ? 'an object' : String(json);
}
