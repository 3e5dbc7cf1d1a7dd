/** Arrays of one type, decoded and encoded as a whole; the path of an error begins with the index. */

import { writeBatch } from './batch.js';
import { type BytesLike, dataView } from './bytes.js';
import type { DecodeOptions } from './decode.js';
import type { EncodeOptions } from './encode.js';
import { fail } from './error.js';
import { type Plan, type PlanLength, type PlanOf, planOf } from './plan.js';
import { Reader } from './read.js';
import type { InputOf, Schema, ValueOf } from './schema.js';
import { abiFor, checkOffset, type ElementsOptions, elementsIn } from './size.js';
import { slackOf } from './slack.js';
import { Writer } from './write.js';

export interface DecodeArrayOptions extends ElementsOptions, DecodeOptions {}

/**
 * Decodes values that follow each other: so many, or all that are there. The result is what decoding an array
 * of them gives.
 *
 * @throws CarryoverError as decode does. `truncated` or `count-limit` before anything is allocated, if the
 * count is more than can be there.
 * @example
 * decodeArray(struct('p', { x: u8, y: u8 }), Uint8Array.of(1, 2, 3, 4)) // => [{ x: 1, y: 2 }, { x: 3, y: 4 }]
 */
export function decodeArray<S extends Schema>(
  schema: S,
  bytes: BytesLike,
  options: DecodeArrayOptions = {},
): ValueOf<S>[] {
  const view = dataView(bytes);
  const offset = checkOffset(view, options.offset);
  const abi = abiFor(schema, view, offset, options.abi);
  const plan = planOf(schema, abi);
  const reader = new Reader(view, options, true);
  let length: PlanLength = { length: 'rest' };
  if (plan.size !== undefined) {
    const { count } = elementsIn(schema, view, { ...options, ...(abi && { abi }) });
    length = { length: 'fixed', count };
  } else if (options.count !== undefined) {
    if (!Number.isSafeInteger(options.count) || options.count < 0)
      fail('count-limit', `${options.count} is not a number of elements`, { offset });
    length = { length: 'fixed', count: options.count };
  }
  // The elements were made by the plan of S, which has the shape that ValueOf<S> describes.
  return reader.root(arrayPlan(plan, length), offset) as ValueOf<S>[];
}

/**
 * Encodes values one after the other.
 *
 * @throws CarryoverError as encode does.
 * @example
 * encodeArray(struct('p', { x: u8, y: u8 }), [{ x: 1, y: 2 }, { x: 3, y: 4 }]) // => 01 02 03 04
 */
export function encodeArray<S extends Schema>(
  schema: S,
  values: readonly InputOf<S>[],
  options: EncodeOptions = {},
): Uint8Array {
  const plan = planOf(schema, options.abi);
  if (!Array.isArray(values))
    fail('value-type', 'this is not an array', { expected: 'an array', found: typeof values });
  if (plan.size !== undefined && slackOf(values) === undefined) {
    const bytes = new Uint8Array(plan.size * values.length);
    const written = writeBatch(plan, values, dataView(bytes), (index) => {
      const writer = new Writer(options, 0);
      writer.path.push(index);
      return writer.root(plan, values[index]);
    });
    if (written) return bytes;
  }
  return new Writer(options, 0).root(arrayPlan(plan, { length: 'fixed', count: values.length }), values);
}

/** Elements of a plan, as a plan. */
function arrayPlan(element: Plan, length: PlanLength): PlanOf<'array'> {
  const known = length.length === 'fixed' ? length.count : 0;
  return {
    kind: 'array',
    element,
    length,
    size: element.size === undefined || length.length !== 'fixed' ? undefined : element.size * known,
    minSize: element.minSize * known,
    align: element.align,
    schema: element.schema,
    slack: element.slack,
  };
}
