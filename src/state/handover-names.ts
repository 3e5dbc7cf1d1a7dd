/** Names for the integers of a handover that have some: seals of memfds, flags of folios. */
import type { JSONValue } from '../codec/index.js';
import { nameOf } from '../codec/json.js';
import { MemfdFolioFlags, MemfdSeals } from '../formats/memfd/index.js';

/** The JSON of a handover, or of a part of it, with names instead of integers where all bits have one. */
export function withNames(json: JSONValue, key = ''): JSONValue {
  if (typeof json === 'number') return key === 'seals' ? (nameOf(MemfdSeals, json, 32) ?? json) : json;
  if (typeof json !== 'object' || json === null) return json;
  if (Array.isArray(json)) return json.map((element: JSONValue) => withNames(element));
  const isRun = 'pfn' in json && 'index' in json;
  return Object.fromEntries(
    Object.entries(json).map(([name, member]): [string, JSONValue] => [
      name,
      isRun && name === 'flags' && typeof member === 'number'
        ? (nameOf(MemfdFolioFlags, member, 12) ?? member)
        : withNames(member, name),
    ]),
  );
}
