/** Encoding: values to bytes. */
import type { ABI } from './abi.js';
import { abiOf, negotiatedPart } from './negotiate.js';
import { planOf } from './plan.js';
import type { InputOf, Schema } from './schema.js';
import { type WriteOptions, Writer } from './write.js';

export interface EncodeOptions extends WriteOptions {
  /** The machine as which to write. Not needed where the schema does not depend on it, or where decode found it. */
  readonly abi?: ABI;
}

/**
 * Encodes a value. What was decoded and not touched gives the bytes it came from, slack included.
 *
 * @throws CarryoverError `value-…`, `union-…`, `count-mismatch`, … with the path of the field.
 * @example
 * encode(struct('pair', { a: u8, b: be16 }, { packed: true }), { a: 1, b: 2 }) // => 01 00 02
 */
export function encode<S extends Schema>(
  schema: S,
  value: InputOf<S>,
  options: EncodeOptions = {},
): Uint8Array {
  const abi = options.abi ?? (negotiatedPart(schema) === undefined ? undefined : abiOf(value));
  return new Writer(options, 0).root(planOf(schema, abi), value);
}
