/** Decoding: the whole input, a value at an offset, or as much as there is. */
import type { ABI } from './abi.js';
import { type BytesLike, dataView } from './bytes.js';
import { CarryoverError, hexOffset, isCarryoverError } from './error.js';
import { negotiate, negotiatedPart, rememberABI } from './negotiate.js';
import { planOf } from './plan.js';
import { type Observer, Reader } from './read.js';
import type { Memory, Params } from './refs.js';
import type { Schema, ValueOf } from './schema.js';

export interface DecodeOptions {
  /** The machine that wrote the bytes. Not needed where the schema negotiates it or does not depend on it. */
  readonly abi?: ABI;
  /** Values for references that no field answers, e.g. `{ version: 2 }`. */
  readonly params?: Params;
  /** Where pointers can be followed to, for unions whose tag lies behind one. */
  readonly memory?: Memory;
}

/**
 * Decodes the bytes, all of them.
 *
 * @throws CarryoverError with code, path and offset at the first thing that is wrong.
 * @example
 * decode(struct('pair', { a: u8, b: be16 }, { packed: true }), Uint8Array.of(1, 0, 2)) // => { a: 1, b: 2 }
 */
export function decode<S extends Schema>(
  schema: S,
  bytes: BytesLike,
  options: DecodeOptions = {},
): ValueOf<S> {
  const view = dataView(bytes);
  const { value, size } = decodeAt(schema, view, 0, options);
  if (size !== view.byteLength)
    throw new CarryoverError('trailing-bytes', `${view.byteLength - size} bytes are left over`, {
      offset: size,
      length: view.byteLength - size,
      expected: `the input to end at ${hexOffset(size)}`,
      found: `an input of ${view.byteLength} bytes`,
      input: view,
    });
  return value;
}

/** Decodes a value at an offset and says how many bytes it takes; what follows is left alone. */
export function decodeAt<S extends Schema>(
  schema: S,
  bytes: BytesLike,
  offset: number,
  options: DecodeOptions = {},
): { value: ValueOf<S>; size: number } {
  const view = dataView(bytes);
  const abi = options.abi ?? negotiatedABI(schema, view, offset);
  const reader = new Reader(view, options, true);
  const value = reader.root(planOf(schema, abi), offset);
  if (abi !== undefined && options.abi === undefined) rememberABI(value, abi);
  // The value was made by the plan of S, which has the shape that ValueOf<S> describes.
  return { value: value as ValueOf<S>, size: reader.next - offset };
}

function negotiatedABI(schema: Schema, view: DataView, offset: number): ABI | undefined {
  return negotiatedPart(schema) === undefined ? undefined : negotiate(schema, view, offset).abi;
}

export interface LenientResult {
  /** What could be decoded: of the schema's shape, but fields may be missing or out of range. */
  readonly value: unknown;
  /** What is wrong, in the order in which it was found: the first 10,000, and what ended the decode. */
  readonly problems: readonly CarryoverError[];
  /** How many problems there are besides. */
  readonly unlisted: number;
  /** Bytes that were understood. */
  readonly size: number;
  readonly abi: ABI | undefined;
}

/** Decodes as much as there is, and tells all that is wrong instead of throwing the first of it. */
export function decodeLenient(schema: Schema, bytes: BytesLike, options: DecodeOptions = {}): LenientResult {
  return observe(schema, bytes, options, undefined);
}

/** A lenient decode with an observer: what checks and annotations are made of. */
export function observe(
  schema: Schema,
  bytes: BytesLike,
  options: DecodeOptions & { readonly offset?: number },
  observer: Observer | undefined,
): LenientResult {
  const view = dataView(bytes);
  const offset = options.offset ?? 0;
  let abi = options.abi;
  const reader = new Reader(view, options, false);
  reader.observer = observer;
  if (abi === undefined && negotiatedPart(schema) !== undefined)
    try {
      abi = negotiate(schema, view, offset).abi;
    } catch (error) {
      if (!isCarryoverError(error)) throw error;
      return { value: undefined, problems: [error], unlisted: 0, size: 0, abi: undefined };
    }
  const value = reader.root(planOf(schema, abi), offset);
  const { problems, unlisted } = reader;
  return { value, problems, unlisted, size: Math.max(0, reader.next - offset), abi };
}
