/**
 * Generated code made at run time, by `new Function`: the only place that evaluates text. Only who imports
 * this module (`carryover/codec/jit`) has it.
 */
import type { ABI } from './abi.js';
import { type Compiled, interpreted } from './compiled.js';
import { fail } from './error.js';
import { generateBody } from './generate.js';
import * as support from './generated-support.js';
import { negotiate, negotiatedPart } from './negotiate.js';
import { MOST, type Part, partsOf } from './negotiating.js';
import type { Schema, ValueOf } from './schema.js';
import { checkOffset } from './size.js';

type Create<S extends Schema> = (given: typeof support, schema: S, abi: ABI | undefined) => Compiled<S>;

/**
 * Compiles a schema for an ABI. Where text may not be evaluated (a Content Security Policy without
 * `unsafe-eval`, Node's `--disallow-code-generation-from-strings`) this gives the interpreted engine, which
 * does the same, only slower; `engine` says which one it is. For generated code there, generate a module
 * ahead of time.
 *
 * @throws `schema-invalid`; `abi-required` if the layout depends on the ABI and none is given.
 */
export function jit<S extends Schema>(schema: S, abi?: ABI): Compiled<S> {
  const body = generateBody(schema, abi);
  let create: Create<S>;
  try {
    // The text has this type by construction; the tests hold both engines against each other.
    create = new Function('support', 'schema', 'abi', body) as Create<S>;
  } catch (error) {
    if (error instanceof EvalError) return interpreted(schema, abi);
    throw error;
  }
  return create(support, schema, abi);
}

/** Decodes values of a schema that tells its ABI, each on the ABI that its header tells. */
export type NegotiatingDecode<S extends Schema> = (view: DataView, offset: number) => ValueOf<S>;

/** What the probes read in a header that was met, and the decoder that it led to. */
interface Met<S extends Schema> {
  readonly parts: readonly Part[];
  readonly decode: NegotiatingDecode<S>;
}

/**
 * A decoder for streams of headers from any machine: negotiation and decoding in one generated function, which
 * is made anew when a header of another ABI comes. Interpreted where text may not be evaluated.
 *
 * @throws `schema-invalid` if the schema does not begin with a negotiated header. What it gives throws as
 * `decodeAt` does.
 */
export function jitNegotiating<S extends Schema>(schema: S): NegotiatingDecode<S> {
  const header = negotiatedPart(schema);
  if (header === undefined) fail('schema-invalid', 'the schema does not begin with a negotiated header');
  const met: Met<S>[] = [];
  const unknown: NegotiatingDecode<S> = (view, offset) => {
    const { abi, steps } = negotiate(schema, view, checkOffset(view, offset));
    const { decodeAt } = jit(schema, abi);
    const parts = partsOf(header, abi, steps, view, offset);
    if (parts !== undefined) {
      if (met.length >= MOST) met.shift();
      met.push({ parts, decode: decodeAt });
      known = dispatcher(met, unknown);
    }
    return decodeAt(view, offset);
  };
  let known = unknown;
  return (view, offset) => known(view, offset);
}

/** A function that compares the probed words with those of each header met, and calls its decoder. */
function dispatcher<S extends Schema>(
  met: readonly Met<S>[],
  unknown: NegotiatingDecode<S>,
): NegotiatingDecode<S> {
  const offsets = [...new Set(met.flatMap(({ parts }) => parts.map((part) => part.offset)))];
  const body = [
    "'use strict';",
    ...met.map((_, i) => `const decode${i} = met[${i}].decode;`),
    'return function decodeAt(view, offset) {',
    `  if (Number.isInteger(offset) && offset >= 0 && offset + ${Math.max(...offsets) + 4} <= view.byteLength) {`,
    ...offsets.map((offset) => `    const w${offset} = view.getInt32(offset + ${offset});`),
    ...met.map(({ parts }, i) => {
      const same = parts.map((part) =>
        part.mask === -1
          ? `w${part.offset} === ${part.bits}`
          : `(w${part.offset} & ${part.mask}) === ${part.bits}`,
      );
      return `    if (${same.join(' && ')}) return decode${i}(view, offset);`;
    }),
    '  }',
    '  return unknown(view, offset);',
    '};',
  ].join('\n');
  let create: (met: readonly Met<S>[], unknown: NegotiatingDecode<S>) => NegotiatingDecode<S>;
  try {
    // The text has this type by construction.
    create = new Function('met', 'unknown', body) as typeof create;
  } catch (error) {
    if (error instanceof EvalError) return unknown;
    throw error;
  }
  return create([...met], unknown);
}
