/** A handover as JSON: 64-bit integers as strings, lists that are kept in columns as arrays. */
import { type JSONValue, toHex } from '../../codec/index.js';
import { IOMMU_HEX } from '../iommu/text.js';
import { PAYLOAD_HEX } from '../payload/text.js';
import type { Handover, HandoverValue } from './handover.js';

/** Fields that people read in hexadecimal: addresses, page frames, and words that somebody else gave a meaning. */
const HEX = new Set([
  'address',
  'addr',
  'start',
  'data',
  'token',
  'pfn',
  'preserved-memory-map',
  ...IOMMU_HEX,
  ...PAYLOAD_HEX,
]);

/** A part of the value of a handover. */
export function jsonOf(value: unknown, key = ''): JSONValue {
  if (typeof value === 'bigint') return HEX.has(key) ? `0x${value.toString(16)}` : String(value);
  if (typeof value === 'number' || typeof value === 'string' || typeof value === 'boolean') return value;
  if (value === undefined || value === null) return null;
  if (value instanceof Uint8Array) return toHex(value);
  if (isIterable(value)) return Array.from(value, (element) => jsonOf(element, key));
  if (typeof value === 'object')
    return Object.fromEntries(
      Object.entries(value).flatMap(([name, inner]): [string, JSONValue][] =>
        inner === undefined ? [] : [[name, jsonOf(inner, name)]],
      ),
    );
  return String(value);
}
function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.iterator in value;
}

/** The value of a handover, as `value` of the JSON of `decode`. */
export function valueJSON(value: HandoverValue): JSONValue {
  return jsonOf(value);
}

/** The whole: format, generation, ABI, value and findings. */
export function handoverJSON(handover: Handover): JSONValue {
  return jsonOf({
    format: 'kho',
    generation: handover.generation?.name,
    abi: handover.abi.name,
    value: handover.value,
    findings: handover.findings,
  });
}
