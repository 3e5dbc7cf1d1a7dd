/** The generated engine against the interpreter: the same values, the same bytes, the same errors. */
import fc from 'fast-check';
import { toHex } from '../codec/bytes.js';
import type { Compiled } from '../codec/compiled.js';
import { decode } from '../codec/decode.js';
import { type CarryoverError, pathText } from '../codec/error.js';
import { jit } from '../codec/jit.js';
import type { InputOf, Schema } from '../codec/schema.js';
import { isObject } from '../codec/slack.js';
import type { Draw } from './choices.js';
import {
  anyBytes,
  attempt,
  broken,
  encodeAny,
  equalBytes,
  type LawOptions,
  type Machine,
  over,
  showBytes,
  showValue,
} from './law.js';
import { differenceAt } from './same.js';
import { makeValue } from './value.js';

/** Whatever bytes are decoded and whatever value is encoded, generated code does what the careful one does. */
export function lawEngines(options: LawOptions): void {
  const { schema } = options;
  const compiled = new Map<Machine, Compiled<Schema>>();
  const engineOf = (machine: Machine): Compiled<Schema> => {
    let engine = compiled.get(machine);
    if (engine === undefined) {
      engine = jit(schema, machine.abi);
      compiled.set(machine, engine);
    }
    return engine;
  };
  over(
    options,
    (draw, { given }) => anyBytes(schema, draw, given),
    showBytes,
    (bytes, machine) => {
      const engine = engineOf(machine);
      const { given } = machine;
      const ours = attempt(() => decode(schema, bytes, given));
      const theirs = attempt(() => engine.decode(bytes, given));
      if ('error' in ours || 'error' in theirs) {
        sameError(ours, theirs);
        return;
      }
      const at = differenceAt(ours.value, theirs.value, 'same');
      if (at !== undefined) broken('engines', `generated code decodes another ${pathText(at) || 'value'}`);
      const again = encodeAny(schema, theirs.value, given);
      if (!equalBytes(again, bytes))
        broken('engines', `what generated code decodes encodes to ${toHex(again)}`);
      if (given.params !== undefined) return;
      checkArray(engine, machine, bytes, ours.value);
      const written = engine.encode(ours.value);
      if (!equalBytes(written, bytes)) broken('engines', `generated code encodes ${toHex(written)}`);
    },
  );
  // Compiled engines are not given parameters for encoding.
  if (options.params !== undefined) return;
  over(
    options,
    (draw, { given }) => spoiled(draw, makeValue(schema, draw, given)),
    showValue,
    (value, machine) => {
      const ours = attempt(() => encodeAny(schema, value, machine.given));
      const theirs = attempt(() => engineOf(machine).encode(value as InputOf<Schema>));
      if ('error' in ours || 'error' in theirs) sameError(ours, theirs);
      else if (!equalBytes(ours.value, theirs.value))
        broken('engines', `generated code encodes ${toHex(theirs.value)}, not ${toHex(ours.value)}`);
    },
  );
}

/** Several in a row, where they are of a fixed size. */
function checkArray(engine: Compiled<Schema>, { plan }: Machine, bytes: Uint8Array, value: unknown): void {
  if (plan.size === undefined || plan.size === 0) return;
  const row = new Uint8Array(bytes.length * 3);
  for (let i = 0; i < 3; i++) row.set(bytes, i * bytes.length);
  const values = engine.decodeArray(row, 3);
  const at = differenceAt([value, value, value], values, 'same');
  if (at !== undefined) broken('engines', `generated code decodes another ${pathText(at)} of an array`);
  const written = engine.encodeArray(values);
  if (!equalBytes(written, row)) broken('engines', `generated code encodes the array as ${toHex(written)}`);
}

type Outcome = { readonly value: unknown } | { readonly error: CarryoverError };

function sameError(ours: Outcome, theirs: Outcome): void {
  const say = (outcome: Outcome): string =>
    'error' in outcome ? `throws\n${outcome.error.message}` : `gives ${fc.stringify(outcome.value)}`;
  const same =
    'error' in ours &&
    'error' in theirs &&
    ours.error.code === theirs.error.code &&
    ours.error.message === theirs.error.message &&
    ours.error.offset === theirs.error.offset &&
    pathText(ours.error.path) === pathText(theirs.error.path);
  if (!same) broken('engines', `generated code ${say(theirs)}\nbut the careful engine ${say(ours)}`);
}

const JUNK = [
  undefined,
  null,
  -1,
  2n ** 70n,
  1.5,
  'text',
  '',
  [],
  {},
  300,
  2 ** 60,
  new Uint8Array(3),
  Number.NaN,
] as const;

/** The value, or often one with something in it that does not belong there. */
function spoiled(draw: Draw, value: unknown): unknown {
  if (draw.below(2) === 0) return value;
  if (!isObject(value) || value instanceof Uint8Array) return draw.pick(JUNK);
  const keys = Object.keys(value);
  const index = draw.below(keys.length + 1);
  const key = keys[index];
  if (key === undefined)
    return Array.isArray(value) ? [...value, draw.pick(JUNK)] : { ...value, unheardOf: draw.pick(JUNK) };
  const changed = draw.once(4) ? draw.pick(JUNK) : spoiled(draw, value[key]);
  if (Array.isArray(value)) return value.map((element: unknown, i) => (i === index ? changed : element));
  return { ...value, [key]: changed };
}
