/** Encodings of any schema, canonical ones and ones with something in every place that no value tells. */
import type fc from 'fast-check';
import { decode, observe } from '../codec/decode.js';
import { encode } from '../codec/encode.js';
import { isCarryoverError } from '../codec/error.js';
import type { Schema } from '../codec/schema.js';
import { maskGap } from '../codec/slack.js';
import { type Draw, fromChoices } from './choices.js';
import { makeValue, type ValueOptions } from './value.js';

export interface BytesOptions extends Pick<ValueOptions, 'abi' | 'params'> {
  /** Whether padding, reserved bits and tails may hold something else than zeros. True unless told otherwise. */
  readonly dirty?: boolean;
}

/** Bytes that decode. */
export function arbitraryBytes(schema: Schema, options: BytesOptions = {}): fc.Arbitrary<Uint8Array> {
  return fromChoices((draw) => makeBytes(schema, draw, options));
}

/** One encoding, made with these draws. */
export function makeBytes(schema: Schema, draw: Draw, options: BytesOptions): Uint8Array {
  const { abi, params, dirty = true } = options;
  const given = { ...(abi && { abi }), ...(params && { params }) };
  const canonical = encode(schema, makeValue(schema, draw, given), given);
  if (!dirty || draw.below(2) === 0) return canonical;
  // Any bytes of that length are an encoding of many a schema; where not, the slack is all there is to fill.
  const candidate = draw.once(3) ? draw.bytes(canonical.length) : filled(schema, canonical, draw, given);
  if (decodes(schema, candidate, given)) return candidate;
  const { value } = observe(schema, candidate, given, undefined);
  try {
    // A checksum covers the slack too: encoding again computes it.
    const mended = encode(schema, value as never, given);
    return decodes(schema, mended, given) ? mended : canonical;
  } catch (error) {
    if (!isCarryoverError(error)) throw error;
    return canonical;
  }
}

function decodes(schema: Schema, bytes: Uint8Array, given: BytesOptions): boolean {
  try {
    decode(schema, bytes, given);
    return true;
  } catch (error) {
    if (!isCarryoverError(error)) throw error;
    return false;
  }
}

/** The encoding with something in its padding, reserved bits and tails. */
function filled(schema: Schema, canonical: Uint8Array, draw: Draw, given: BytesOptions): Uint8Array {
  const bytes = canonical.slice();
  observe(schema, canonical, given, {
    gap(gap, at) {
      if (draw.below(2) === 0) return;
      const bits = draw.bytes(gap.size);
      maskGap(bits, gap);
      for (const [i, value] of bits.entries()) bytes[at + i] = (bytes[at + i] ?? 0) | value;
    },
    tail(_plan, at, size) {
      if (draw.below(2) === 1) bytes.set(draw.bytes(size), at);
    },
  });
  return bytes;
}
