/** Changing fields by their paths: through the value where it is complete, in place where it is not. */

import { fromHex } from '../codec/bytes.js';
import { CarryoverError, type Path, pathText } from '../codec/error.js';
import { fromJSONByPlan, type JSONValue } from '../codec/json.js';
import { definedMask } from '../codec/slack.js';
import { Writer } from '../codec/write.js';
import type { StateCode } from './codes.js';
import { encodePresented, valueToJSON } from './document.js';
import { open, type State } from './open.js';
import { type Node, nodeAt } from './tree.js';

/** One field and what it shall hold: text as people write it, or JSON for more than a scalar. */
export interface Edit {
  readonly path: string;
  readonly value: JSONValue;
}

/** What a command line gives: JSON where it begins like a list or an object, else text. */
export function parseEdit(text: string): Edit {
  const equals = text.indexOf('=');
  if (equals <= 0)
    throw new CarryoverError(
      'edit-impossible' satisfies StateCode,
      `${JSON.stringify(text)} is not PATH=VALUE`,
    );
  const path = text.slice(0, equals).trim();
  const value = text.slice(equals + 1);
  if (!/^\s*[[{]/.test(value)) return { path, value };
  try {
    return { path, value: JSON.parse(value) as JSONValue };
  } catch (cause) {
    throw new CarryoverError(
      'edit-impossible' satisfies StateCode,
      `the value for ${path} begins like JSON, but is not: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

export interface SetOptions {
  /** Leaves counts, lengths and checksums as they are, also where they do not fit any more. */
  readonly keepDerived?: boolean;
}

/**
 * The bytes with those fields changed. Counts, lengths and checksums follow from the rest anew, except those
 * that are themselves given: they are written as asked, and nothing else moves.
 *
 * @throws CarryoverError `path-unknown`, `edit-impossible`, and those of the value.
 */
export function setFields(
  state: State,
  edits: readonly Edit[],
  { keepDerived = false }: SetOptions = {},
): Uint8Array {
  const inPlace: Edit[] = [];
  const through: Edit[] = [];
  for (const edit of edits) {
    const node = nodeAt(state.root, edit.path);
    const fixed = node.wire?.field?.derived !== undefined || node.wire?.field?.magic !== undefined;
    (fixed || node.kind !== 'field' || state.incomplete !== undefined ? inPlace : through).push(edit);
  }
  let current = state;
  if (through.length > 0) current = reopen(state, throughValue(state, through, !keepDerived));
  if (inPlace.length === 0) return current.bytes;
  const bytes = current.bytes.slice();
  for (const edit of inPlace) patch(current, bytes, nodeAt(current.root, edit.path), edit.value);
  return bytes;
}

function reopen(state: State, bytes: Uint8Array): State {
  const { reading, format } = state;
  return open(bytes, {
    as: `${reading.format}@${reading.generation}`,
    abi: reading.abi,
    formats: [format],
  });
}

function throughValue(state: State, edits: readonly Edit[], derive: boolean): Uint8Array {
  let json = valueToJSON(state);
  for (const edit of edits) json = replaced(json, nodeAt(state.root, edit.path).path, edit.value);
  const { format, reading, wire, bytes } = state;
  const encoded = encodePresented(format, reading, json, { derive });
  const trailing = bytes.subarray(wire.understood);
  if (trailing.length === 0) return encoded;
  const all = new Uint8Array(encoded.length + trailing.length);
  all.set(encoded);
  all.set(trailing, encoded.length);
  return all;
}

/** A copy of the JSON with one part replaced. Only what is on the way to it is copied. */
function replaced(json: JSONValue, path: Path, value: JSONValue): JSONValue {
  const [part, ...rest] = path;
  if (part === undefined) return value;
  if (Array.isArray(json)) {
    const copy: JSONValue[] = [...json];
    copy[Number(part)] = replaced(copy[Number(part)] ?? null, rest, value);
    return copy;
  }
  // The path leads to a node of the tree that this JSON shows, so that this is an object.
  const object = json as { readonly [key: string]: JSONValue };
  return { ...object, [part]: replaced(object[part] ?? null, rest, value) };
}

/** Overwrites one field where it lies. */
function patch(state: State, bytes: Uint8Array, node: Node, value: JSONValue): void {
  const { wire } = node;
  const where = pathText(node.path);
  if (wire === undefined || node.offset === undefined || node.size === undefined)
    throw impossible(`${where === '' ? 'the whole' : where} does not lie in one place`);
  if (wire.plan === undefined || node.kind !== 'field') {
    const raw = typeof value === 'string' ? fromHex(value) : undefined;
    if (raw === undefined || raw.length !== node.size)
      throw impossible(`${where} takes ${node.size} bytes, given as hex digits`);
    bytes.set(raw, node.offset);
    return;
  }
  const { plan } = wire;
  if (plan.size === undefined || plan.kind === 'array' || plan.kind === 'struct')
    throw impossible(
      state.incomplete === undefined
        ? `${where} cannot be changed in place`
        : `the input does not decode completely (${state.incomplete.reason}), and ${where} is not a single field of fixed size`,
    );
  const decoded = fromJSONByPlan(plan, value, node.path, { params: state.reading.params });
  const encoded = new Writer({ params: state.reading.params }, 0).root(plan, decoded);
  // Only the bits that the old or the new value tells: what else lies in these bytes stays, and nothing is
  // left of a text that was longer.
  const before = definedMask(plan, node.wire?.value);
  for (const [i, bits] of definedMask(plan, decoded).entries()) {
    const at = node.offset + i;
    const mask = bits | (before[i] ?? 0);
    bytes[at] = ((bytes[at] ?? 0) & ~mask) | ((encoded[i] ?? 0) & mask);
  }
}

/**
 * The bytes with some of them replaced, at an offset or over what a path leads to. Nothing else changes.
 *
 * @throws CarryoverError `path-unknown`; `edit-impossible` where there is no room for them.
 */
export function patchBytes(state: State, at: number | string, replacement: Uint8Array): Uint8Array {
  const place =
    typeof at === 'number' ? { offset: at, size: state.bytes.length - at } : nodeAt(state.root, at);
  const { offset, size } = place;
  if (offset === undefined || size === undefined) throw impossible(`${at} does not lie in one place`);
  if (replacement.length === 0) throw impossible('there are no bytes to be written');
  if (replacement.length > size)
    throw impossible(
      typeof at === 'number'
        ? `the input has ${state.bytes.length} bytes: ${replacement.length} from offset ${at} on end behind it`
        : `${at} has ${size} bytes, and ${replacement.length} were given`,
    );
  const bytes = state.bytes.slice();
  bytes.set(replacement, offset);
  return bytes;
}

function impossible(reason: string): CarryoverError {
  return new CarryoverError('edit-impossible' satisfies StateCode, reason);
}
