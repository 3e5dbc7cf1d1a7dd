/** ABIs in documents and on command lines: the name of a preset, or a preset with parts replaced. */

import {
  ABI,
  ABI_NAMES,
  type ABIParts,
  type ABI as ABIType,
  CarryoverError,
  findABI,
  withParts,
} from '../codec/index.js';
import type { JSONValue } from '../codec/json.js';
import { plainObject } from '../codec/json.js';
import { suggest } from '../codec/suggest.js';
import type { StateCode } from './codes.js';

/** Parts that can be given next to a preset's name, and how they are read. */
const PARTS: { readonly [P in keyof ABIParts]?: (value: JSONValue) => ABIParts[P] | undefined } = {
  endian: (value) => (value === 'little' || value === 'big' ? value : undefined),
  bitOrder: (value) => (value === 'lsb' || value === 'msb' ? value : undefined),
  pointerSize: fourOrEight,
  longSize: fourOrEight,
  timeSize: fourOrEight,
  alignments: (value) => {
    if (!plainObject(value)) return undefined;
    const [two, four, eight] = [value[2], value[4], value[8]];
    return isPower(two) && isPower(four) && isPower(eight) ? { 2: two, 4: four, 8: eight } : undefined;
  },
  bitFieldTypeMatters: (value) => (typeof value === 'boolean' ? value : undefined),
  unnamedBitsAlign: (value) => (typeof value === 'boolean' ? value : undefined),
  pageSize: (value) => (isPower(value) ? value : undefined),
};

function fourOrEight(value: JSONValue): 4 | 8 | undefined {
  return value === 4 || value === 8 ? value : undefined;
}
function isPower(value: JSONValue | undefined): value is number {
  return typeof value === 'number' && value >= 1 && value <= 2 ** 28 && Math.log2(value) % 1 === 0;
}

/** The ABI as a document has it: a preset's name, or `{ like: 'i386', timeSize: 8 }`; null if none matters. */
export function abiToJSON(abi: ABIType | undefined): JSONValue {
  if (abi === undefined) return null;
  let best: { name: string; parts: Record<string, JSONValue> } | undefined;
  for (const name of [abi.name, ...ABI_NAMES]) {
    const preset = findABI(name);
    if (preset === undefined) continue;
    const parts = differences(abi, preset);
    if (Object.keys(parts).length === 0) return name;
    if (best === undefined || Object.keys(parts).length < Object.keys(best.parts).length)
      best = { name, parts };
  }
  return best === undefined ? abi.name : { like: best.name, ...best.parts };
}

function differences(abi: ABIType, preset: ABIType): Record<string, JSONValue> {
  const parts: Record<string, JSONValue> = {};
  for (const part of Object.keys(PARTS) as (keyof typeof PARTS & keyof ABIType)[])
    if (JSON.stringify(abi[part]) !== JSON.stringify(preset[part])) parts[part] = abi[part];
  return parts;
}

/** The ABI that a document names. @throws `abi-unknown` */
export function abiFromJSON(json: JSONValue | undefined): ABIType | undefined {
  if (json === null || json === undefined) return undefined;
  if (typeof json === 'string') return presetNamed(json);
  if (!plainObject(json) || typeof json.like !== 'string')
    throw unknown('an ABI in a document is a name, or an object with "like" and parts');
  const { like, ...parts } = json;
  return withJSONParts(presetNamed(like), parts);
}

/** The ABI that a command line names: `i386`, or `i386,timeSize=8`. @throws `abi-unknown` */
export function parseABI(text: string): ABIType {
  const [name = '', ...rest] = text.split(',');
  const parts: Record<string, JSONValue> = {};
  for (const item of rest) {
    const [, part, value] = /^\s*(\w+)\s*=\s*(\w+)\s*$/.exec(item) ?? [];
    if (part === undefined || value === undefined) throw unknown(`${JSON.stringify(item)} is not PART=VALUE`);
    parts[part] = /^\d+$/.test(value)
      ? Number(value)
      : value === 'true' || value === 'false'
        ? value === 'true'
        : value;
  }
  return withJSONParts(presetNamed(name.trim()), parts);
}

function withJSONParts(preset: ABIType, parts: Readonly<Record<string, JSONValue>>): ABIType {
  const read: Record<string, unknown> = {};
  for (const [part, value] of Object.entries(parts)) {
    const reader = Object.hasOwn(PARTS, part) ? PARTS[part as keyof typeof PARTS] : undefined;
    if (reader === undefined) {
      const near = suggest(part, Object.keys(PARTS));
      throw unknown(
        `an ABI has no part ${JSON.stringify(part)}${near === undefined ? '' : `; did you mean ${near}?`}`,
      );
    }
    const found = reader(value);
    if (found === undefined) throw unknown(`${part} of an ABI cannot be ${JSON.stringify(value)}`);
    read[part] = found;
  }
  // Every part was read by its own reader above.
  return Object.keys(read).length === 0 ? preset : withParts(preset, read as Partial<ABIParts>);
}

function presetNamed(name: string): ABIType {
  const preset = findABI(name);
  if (preset !== undefined) return preset;
  const near = suggest(name, ABI_NAMES);
  throw unknown(
    `no ABI is called ${JSON.stringify(name)}${near === undefined ? '' : `; did you mean ${near}?`}`,
    Object.keys(ABI).join(', '),
  );
}

function unknown(reason: string, expected?: string): CarryoverError {
  const code: StateCode = 'abi-unknown';
  return new CarryoverError(code, reason, expected === undefined ? {} : { expected });
}
