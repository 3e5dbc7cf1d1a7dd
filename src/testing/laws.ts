/**
 * The laws: what has to hold of every schema, whatever it declares. Each throws with the case that breaks it,
 * shrunk as far as it goes.
 */
import fc from 'fast-check';
import type { ABI } from '../codec/abi.js';
import { toHex } from '../codec/bytes.js';
import { decode, decodeAt, observe } from '../codec/decode.js';
import { encode } from '../codec/encode.js';
import { type CarryoverError, pathText } from '../codec/error.js';
import { fromJSON, toJSON } from '../codec/json.js';
import { negotiatedPart } from '../codec/negotiate.js';
import type { Plan, PlanOf } from '../codec/plan.js';
import type { Schema } from '../codec/schema.js';
import { makeBytes } from './bytes.js';
import {
  anyBytes,
  attempt,
  broken,
  encodeAny,
  equalBytes,
  type LawOptions,
  machinesOf,
  over,
  showBytes,
  showValue,
} from './law.js';
import { lawEngines } from './law-engines.js';
import { lawViews } from './law-views.js';
import { fieldsOf } from './needs.js';
import { differenceAt } from './same.js';
import { endsOpen, makeValue, somePart } from './value.js';

export type { LawOptions };
export { lawEngines, lawViews };

/** A law about one schema, to be run by a test. */
export interface LawCase {
  readonly name: string;
  /** @throws Error with the case that breaks the law. */
  readonly run: () => void;
}

/** All laws for one schema, as tests: `for (const law of allLaws('hdr', Hdr)) it(law.name, law.run)`. */
export function allLaws(name: string, schema: Schema, options: Omit<LawOptions, 'schema'> = {}): LawCase[] {
  return Object.entries(LAWS).map(([law, run]) => ({
    name: `${name}: ${law}`,
    run: () => run({ schema, ...options }),
  }));
}

// --- the laws ----------------------------------------------------------------------------------------------

/** Encoding what was decoded gives the same bytes, slack included; also when the ABI is found in the data. */
export function lawLossless(options: LawOptions): void {
  const { schema, params } = options;
  const negotiates = negotiatedPart(schema) !== undefined;
  over(
    options,
    (draw, { given }) => makeBytes(schema, draw, given),
    showBytes,
    (bytes, { given }) => {
      const again = encodeAny(schema, decode(schema, bytes, given), given);
      if (!equalBytes(again, bytes)) broken('lossless', `encode gives ${toHex(again)} back`);
      if (!negotiates) return;
      // Nearly the same machines cannot be told apart, and may see trailing bytes: what decodes goes back.
      const found = attempt(() => decode(schema, bytes, { ...(params && { params }) }));
      if ('error' in found) return;
      const back = encodeAny(schema, found.value, { ...(params && { params }) });
      if (!equalBytes(back, bytes)) broken('lossless', `encode as negotiated gives ${toHex(back)} back`);
    },
  );
}

/** Decoding what was encoded gives the value that went in, and the canonical bytes once more. */
export function lawValue(options: LawOptions): void {
  const { schema } = options;
  over(
    options,
    (draw, { given }) => makeValue(schema, draw, given),
    showValue,
    (value, { given }) => {
      const bytes = encode(schema, value, { ...given, canonical: true });
      const decoded: unknown = decode(schema, bytes, given);
      const at = differenceAt(value, decoded, 'within');
      if (at !== undefined)
        broken(
          'value',
          `${pathText(at) || 'the value'} is another after decoding ${toHex(bytes)}: ${fc.stringify(decoded)}`,
        );
      const again = encodeAny(schema, decoded, { ...given, canonical: true });
      if (!equalBytes(again, bytes))
        broken('value', `encodes to ${toHex(bytes)}, and then to ${toHex(again)}`);
      const twice = differenceAt(decoded, decode(schema, again, given), 'same');
      if (twice !== undefined) broken('value', `${pathText(twice)} changes when decoded a second time`);
    },
  );
}

/** A value that fits on every machine is the same value after each of them has written it. */
export function lawSameOnEveryABI(options: LawOptions): void {
  const { schema } = options;
  const machines = machinesOf(options);
  const all = machines.map((machine) => machine.abi).filter((abi) => abi !== undefined);
  if (all.length < 2 || machines.some(({ plan }) => somePart(plan, boundToItsABI))) return;
  const blocks = machines.some(({ plan }) => somePart(plan, (part) => part.kind === 'block'));
  const least = <K extends 'pointerSize' | 'longSize' | 'timeSize' | 'pageSize'>(part: K): ABI =>
    all.reduce((a, b) => (b[part] < a[part] ? b : a));
  const [first] = all;
  if (first === undefined) return;
  const narrow: ABI = {
    ...first,
    name: 'the narrowest of all',
    pointerSize: least('pointerSize').pointerSize,
    longSize: least('longSize').longSize,
    timeSize: least('timeSize').timeSize,
    pageSize: least('pageSize').pageSize,
    // The most padding, so that what fits in a block does so everywhere.
    alignments: {
      2: Math.max(...all.map((abi) => abi.alignments[2])),
      4: Math.max(...all.map((abi) => abi.alignments[4])),
      8: Math.max(...all.map((abi) => abi.alignments[8])),
    },
  };
  const { params } = options;
  over(
    { ...options, abis: [narrow] },
    (draw, { given }) =>
      makeValue(schema, draw, { ...given, derived: 'none', unknownTags: false, roomy: true }),
    showValue,
    (value) => {
      for (const abi of all) {
        const given = { abi, ...(params && { params }) };
        const encoded = attempt(() => encode(schema, value, given));
        if ('error' in encoded) {
          // What fits in a block on one machine may be too large on another, and is no case then.
          if (blocks && (encoded.error.code === 'value-range' || encoded.error.code === 'count-mismatch'))
            return;
          throw encoded.error;
        }
        const bytes = encoded.value;
        const at = differenceAt(value, decode(schema, bytes, given), 'within');
        if (at !== undefined)
          broken(
            'same on every ABI',
            `${pathText(at) || 'the value'} is another as ${abi.name} writes it: ${toHex(bytes)}`,
          );
      }
    },
  );
}

/**
 * Whether a value of this plan depends on the machine: the bytes of a union whose member nobody tells, and what
 * fills a block to its end.
 */
function boundToItsABI(plan: Plan): boolean {
  if (plan.kind === 'tagged') return plan.by.up < 0 || plan.by.through !== undefined;
  return plan.kind === 'block' && endsOpen(plan.type);
}

/** How many places an encoding is cut at, at the most; longer ones are cut at their ends and in between. */
const MAX_CUTS = 128;

/**
 * Bytes cut short are an error with a place, never a value; except where a value takes whatever is left: then
 * it is a value of just those bytes.
 */
export function lawTruncation(options: LawOptions): void {
  const { schema } = options;
  over(
    options,
    (draw, { given }) => makeBytes(schema, draw, given),
    showBytes,
    (bytes, { given, plan }) => {
      const step = Math.max(1, Math.floor(bytes.length / MAX_CUTS));
      for (let length = 0; length < bytes.length; length += length < 32 ? 1 : step) {
        const cut = bytes.subarray(0, length);
        const found = attempt(() => decode(schema, cut, given));
        if ('error' in found) {
          checkPlace(found.error, length, plan);
          continue;
        }
        if (!endsOpen(plan))
          broken('truncation', `the first ${length} bytes decode to ${fc.stringify(found.value)}`);
        const again = encodeAny(schema, found.value, given);
        if (!equalBytes(again, cut))
          broken('truncation', `the first ${length} bytes come back as ${toHex(again)}`);
      }
    },
  );
}

function checkPlace(error: CarryoverError, length: number, plan: Plan): void {
  const { offset, path } = error;
  if (offset === undefined || offset < 0 || offset > length)
    broken('truncation', `of ${length} bytes, the error is at ${offset}: ${error.message}`);
  // What is missing may be the padding of the outermost struct, which has no name.
  const [first] = path;
  if (plan.kind === 'struct' && first !== undefined && !known(plan, first))
    broken('truncation', `the path of the error begins nowhere: ${error.message}`);
}

/** Whether a struct has a field or reserved part of that name, also one of an anonymous member. */
function known(plan: PlanOf<'struct'>, name: string | number): boolean {
  if (typeof name === 'string' && plan.keys.has(name)) return true;
  return (
    plan.segments.some((segment) => segment.items.some((item) => item.item === 'gap' && item.key === name)) ||
    fieldsOf(plan).some((field) => field.inline && field.plan.kind === 'struct' && known(field.plan, name))
  );
}

/** Steps that a decode may take for each byte of input, and for what takes no bytes. */
const STEPS_PER_BYTE = 64;
const STEPS_AT_LEAST = 1_000_000;

/**
 * Any bytes at all are a value or an error, in a number of steps that their length bounds; and a lenient
 * decode says the same as a strict one, without ever throwing.
 */
export function lawAnyBytes(options: LawOptions): void {
  const { schema } = options;
  over(
    options,
    (draw, { given }) => anyBytes(schema, draw, given),
    showBytes,
    (bytes, { given }) => {
      let steps = 0;
      const count = (): void => {
        steps++;
        if (steps > STEPS_AT_LEAST + STEPS_PER_BYTE * bytes.length)
          broken('any bytes', `${steps} steps for ${bytes.length} bytes`);
      };
      const lenient = observe(schema, bytes, given, { leaf: count, enter: count, gap: count });
      const strict = attempt(() => decodeAt(schema, bytes, 0, given));
      const [first] = lenient.problems;
      if ('error' in strict) {
        if (first === undefined) broken('any bytes', `only a strict decode fails: ${strict.error.message}`);
        if (first.message !== strict.error.message)
          broken(
            'any bytes',
            `a strict decode says\n${strict.error.message}\nbut a lenient one\n${first.message}`,
          );
        return;
      }
      const { value, size } = strict.value;
      if (first !== undefined) broken('any bytes', `only a lenient decode fails: ${first.message}`);
      if (lenient.size !== size)
        broken('any bytes', `a lenient decode takes ${lenient.size} bytes, not ${size}`);
      const at = differenceAt(value, lenient.value, 'same');
      if (at !== undefined) broken('any bytes', `a lenient decode differs at ${pathText(at)}`);
      const again = encodeAny(schema, value, given);
      if (!equalBytes(again, bytes.subarray(0, size))) broken('any bytes', `come back as ${toHex(again)}`);
    },
  );
}

/** JSON, and its text, keep a decoded value and its slack: what comes back encodes to the same bytes. */
export function lawJSON(options: LawOptions): void {
  const { schema } = options;
  over(
    options,
    (draw, { given }) => makeBytes(schema, draw, given),
    showBytes,
    (bytes, { given, plan }) => {
      // What another library's values are in JSON is not known.
      if (somePart(plan, (part) => part.kind === 'foreign')) return;
      const value: unknown = decode(schema, bytes, given);
      for (const names of [false, true]) {
        const text = JSON.stringify(toJSON(schema, value, { ...given, names }));
        const back = fromJSON(schema, JSON.parse(text), given);
        const at = differenceAt(value, back, 'same');
        if (at !== undefined)
          broken('JSON', `${pathText(at) || 'the value'} comes back as another from ${text}`);
        const again = encodeAny(schema, back, given);
        if (!equalBytes(again, bytes)) broken('JSON', `${text} encodes to ${toHex(again)}`);
      }
    },
  );
}

/** The laws by name, in the order in which they are run. */
export const LAWS: Readonly<Record<string, (options: LawOptions) => void>> = Object.freeze({
  'decoding and encoding is lossless': lawLossless,
  'encoding and decoding gives the value': lawValue,
  'the value is the same on every ABI': lawSameOnEveryABI,
  'bytes cut short are an error': lawTruncation,
  'any bytes are a value or an error': lawAnyBytes,
  'JSON keeps the value and its slack': lawJSON,
  'views and columns read what decode gives': lawViews,
  'both engines do the same': lawEngines,
});
