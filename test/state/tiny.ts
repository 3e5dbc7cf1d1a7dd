/** A format that is small enough to see through: everything that states, trees and documents are made of. */
import {
  ABI,
  array,
  bits,
  byField,
  byMagic,
  bytes,
  chars,
  countedBy,
  countOf,
  derived,
  enumeration,
  flags,
  hex,
  negotiate,
  negotiated,
  optional,
  type Params,
  reserved,
  rest,
  type Schema,
  struct,
  u8,
  u16,
  u32,
  u64,
  union,
} from '../../src/codec/index.js';
import { isObject } from '../../src/codec/slack.js';
import type { Format, Reading } from '../../src/formats/format.js';

const Head = negotiated(struct('tiny_head', { magic: hex(u32), pointer_size: u32, spare: reserved(u32) }), {
  endian: byMagic('magic', 0x54494e59),
  pointerSize: byField('pointer_size', [4, 8]),
});
const Kind = enumeration('tiny_kind', u8, { FILE: 1, PIPE: 2 });
const Mode = flags('tiny_mode', hex(u16), { READ: 1, WRITE: 2 });
const Record = struct('tiny_record', {
  kind: Kind,
  mode: Mode,
  size: u64,
  low: bits(u32, 4),
  high: bits(u32, 20),
});
const Name = struct('tiny_name', {
  length: derived(u8, countOf('text')),
  text: bytes(countedBy('length')),
});
const Tiny = struct('tiny', {
  head: Head,
  label: chars(8),
  seen: union('seen', { word: u32, halves: array(u16, 2) }),
  nr: derived(u32, countOf('records')),
  records: array(Record, countedBy('nr')),
  names: array(Name, countedBy('nr')),
  extra: optional(u8, { ref: 'nr', is: 'at-least', value: 100 }),
});
const Raw = struct('tiny_raw', { head: Head, rest: bytes(rest) });
export const schemas: Readonly<Record<string, Schema>> = { a: Tiny, raw: Raw };

/** Names are shown within their records, as `records[i].name`. */
export const tiny: Format = {
  name: 'tiny',
  title: 'a format for tests',
  generations: [
    { name: 'a', title: 'all of it', source: 'nowhere' },
    { name: 'raw', title: 'only the head', source: 'nowhere' },
  ],
  rules: [{ name: 'tiny/big', severity: 'warning', title: 'a size is big', text: 'Sizes are below 100.' }],
  types: { tiny_record: Record },
  recognise: (input) => {
    const text = String.fromCharCode(...input.subarray(0, 4));
    return text === 'TINY' || text === 'YNIT'
      ? { generation: 'a', confidence: 1, because: ['it begins with TINY'] }
      : undefined;
  },
  reading: (input, options): Reading => {
    const generation = options.generation ?? 'a';
    const schema = schemas[generation] ?? Tiny;
    let abi = options.abi;
    if (abi === undefined)
      try {
        abi = negotiate(schema, input).abi;
      } catch {
        abi = ABI.x86_64;
      }
    const params: Params = {};
    return { format: 'tiny', generation, schema, abi, params, because: ['it begins with TINY'], probes: [] };
  },
  present: (value) => {
    if (!isObject(value) || !Array.isArray(value.records)) return value;
    const { names, ...rest } = value;
    const records = value.records.map((record: unknown, i) => ({
      ...(isObject(record) ? record : {}),
      ...(Array.isArray(names) && names[i] !== undefined ? { name: names[i] as unknown } : {}),
    }));
    return { ...rest, records };
  },
  absent: (value) => {
    if (!isObject(value) || !Array.isArray(value.records)) return value;
    const records: unknown[] = [];
    const names: unknown[] = [];
    for (const shown of value.records) {
      const { name, ...record } = isObject(shown) ? shown : {};
      records.push(record);
      names.push(name);
    }
    return { ...value, records, names };
  },
  presentPath: (path) =>
    path[0] !== 'names'
      ? path
      : path.length === 1
        ? ['records']
        : ['records', path[1] ?? 0, 'name', ...path.slice(2)],
  wirePath: (path) =>
    path[0] === 'records' && path[2] === 'name' ? ['names', path[1] ?? 0, ...path.slice(3)] : path,
  check: (value) => {
    const records = isObject(value) && Array.isArray(value.records) ? value.records : [];
    return records.flatMap((record: unknown, i) =>
      isObject(record) && typeof record.size === 'bigint' && record.size >= 100n
        ? [
            {
              severity: 'warning' as const,
              rule: 'tiny/big',
              path: `records[${i}].size`,
              message: `the size is ${record.size}; the receiver drops the record`,
            },
          ]
        : [],
    );
  },
  verdict: () => ['a receiver takes it'],
};

/** A sound input with so many records. */
export function tinyValue(records: number) {
  return {
    head: { magic: 0x54494e59, pointer_size: 8 },
    label: 'abc',
    seen: { word: 0x01020304 },
    records: Array.from({ length: records }, (_, i) => ({
      kind: 1 + (i % 2),
      mode: 3,
      size: BigInt(i),
      low: i % 16,
      high: i,
    })),
    names: Array.from({ length: records }, (_, i) => ({ text: new TextEncoder().encode(`name ${i}`) })),
    ...(records >= 100 ? { extra: 7 } : {}),
  };
}
