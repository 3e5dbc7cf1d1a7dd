/** The structs that GCC laid out (`fixtures/gcc`), as schemas. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import {
  type ABIName,
  aligned,
  anonymous,
  array,
  bits,
  chars,
  type Fields,
  type Int,
  i8,
  i16,
  i32,
  i64,
  long,
  packed,
  type Schema,
  size_t,
  struct,
  u8,
  u16,
  u32,
  u64,
  uintptr_t,
  ulong,
  union,
  unnamed,
} from '../../src/codec/index.js';

export type CType =
  | { int: string }
  | { char: number }
  | { array: CType; count: number }
  | { struct: CBody }
  | { union: CBody };
export interface CBody {
  packed?: true;
  aligned?: number;
  fields: { name: string | null; type: CType; bits?: number; packed?: true; aligned?: number }[];
}
export interface Golden {
  abis: ABIName[];
  size: number;
  align: number;
  offsets: Record<string, number>;
  bytes: string;
}
export interface GoldenStruct {
  name: string;
  group: string;
  type: CType;
  value: unknown;
  golden: Golden[];
}

export function goldenStructs(file: 'systematic' | 'random'): GoldenStruct[] {
  const path = new URL(`../../fixtures/gcc/${file}.json.gz`, import.meta.url);
  const parsed: { structs: GoldenStruct[] } = JSON.parse(gunzipSync(readFileSync(path)).toString());
  return parsed.structs;
}

const ints: Record<string, Int> = {
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  u64,
  i64,
  ulong,
  long,
  size_t,
  pointer: uintptr_t,
};

function intOf(name: string): Int {
  const type = ints[name];
  if (type === undefined) throw new Error(`no integer ${name}`);
  return type;
}

export function schemaOf(type: CType, name = 's'): Schema {
  if ('int' in type) return intOf(type.int);
  if ('char' in type) return chars(type.char);
  if ('array' in type) return array(schemaOf(type.array), type.count);
  return 'struct' in type ? aggregate(type.struct, name, struct) : aggregate(type.union, name, union);
}

function aggregate<S extends Schema>(
  body: CBody,
  name: string,
  make: (name: string, fields: Fields, options: { packed?: boolean; aligned?: number }) => S,
): S {
  const fields: Record<string, Schema> = {};
  for (const [index, field] of body.fields.entries()) {
    const key = field.name ?? `_${index}`;
    let schema: Schema;
    if (field.bits !== undefined && 'int' in field.type)
      schema =
        field.name === null
          ? unnamed(intOf(field.type.int), field.bits)
          : bits(intOf(field.type.int), field.bits);
    else if (field.name === null) {
      const inner = schemaOf(field.type);
      if (inner.kind !== 'struct' && inner.kind !== 'union')
        throw new Error('only structs and unions are anonymous');
      schema = anonymous(inner);
    } else schema = schemaOf(field.type);
    if (field.packed) schema = packed(schema);
    if (field.aligned !== undefined) schema = aligned(schema, field.aligned);
    fields[key] = schema;
  }
  return make(name, fields, {
    ...(body.packed ? { packed: true } : {}),
    ...(body.aligned === undefined ? {} : { aligned: body.aligned }),
  });
}

/** The fixture's value as encode takes it: strings of digits are integers where the type is one. */
export function initialiser(type: CType, value: unknown): unknown {
  if ('int' in type) return typeof value === 'string' ? BigInt(value) : value;
  if ('char' in type) return value;
  if ('array' in type) return (value as unknown[]).map((element) => initialiser(type.array, element));
  const body = 'struct' in type ? type.struct : type.union;
  const from = value as Record<string, unknown>;
  const out: Record<string, unknown> = {};
  for (const field of body.fields)
    if (field.name === null) {
      if (field.bits === undefined) Object.assign(out, initialiser(field.type, value));
    } else if (Object.hasOwn(from, field.name)) out[field.name] = initialiser(field.type, from[field.name]);
  return out;
}
