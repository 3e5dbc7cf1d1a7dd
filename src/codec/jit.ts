/**
 * Generated code made at run time, by `new Function`: the only place that evaluates text. Only who imports
 * this module (`carryover/codec/jit`) has it.
 */
import type { ABI } from './abi.js';
import { type Compiled, interpreted } from './compiled.js';
import { fail } from './error.js';
import { generateBody } from './generate.js';
import * as support from './generated-support.js';
import { negotiatedPart } from './negotiate.js';
import { machinesOf, negotiating } from './negotiating.js';
import type { Schema, ValueOf } from './schema.js';

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

/**
 * A decoder for streams of headers from any machine: negotiation and decoding in one generated function that
 * knows every machine that the header can tell. Interpreted where text may not be evaluated.
 *
 * @throws `schema-invalid` if the schema does not begin with a negotiated header. What it gives throws as
 * `decodeAt` does.
 */
export function jitNegotiating<S extends Schema>(schema: S): NegotiatingDecode<S> {
  const header = negotiatedPart(schema);
  if (header === undefined) fail('schema-invalid', 'the schema does not begin with a negotiated header');
  const others = negotiating(schema, jit);
  const other: NegotiatingDecode<S> = (view, offset) => others.at(view, offset).decodeAt(view, offset);
  const machines = machinesOf(header);
  const offsets = [...new Set(machines.flatMap(({ parts }) => parts.map((part) => part.offset)))];
  if (machines.length === 0) return other;
  const body = [
    "'use strict';",
    ...machines.map((_, i) => `const decode${i} = decoders[${i}];`),
    'return function decodeAt(view, offset) {',
    '  if (Number.isInteger(offset)) {',
    // Reading the first and the last byte tells whether all are there, cheaper than `byteLength` on V8 11.
    `    try { view.getUint8(offset); view.getUint8(offset + ${Math.max(...offsets) + 3}); }`,
    '    catch { return other(view, offset); }',
    ...offsets.map((offset) => `    const w${offset} = view.getInt32(offset + ${offset});`),
    ...machines.map(({ parts }, i) => {
      const same = parts.map(({ offset, mask, bits }) =>
        mask === -1 ? `w${offset} === ${bits}` : `(w${offset} & ${mask}) === ${bits}`,
      );
      return `    if (${same.join(' && ')}) return decode${i}(view, offset);`;
    }),
    '  }',
    '  return other(view, offset);',
    '};',
  ].join('\n');
  let create: (
    decoders: readonly NegotiatingDecode<S>[],
    other: NegotiatingDecode<S>,
  ) => NegotiatingDecode<S>;
  try {
    // The text has this type by construction.
    create = new Function('decoders', 'other', body) as typeof create;
  } catch (error) {
    if (error instanceof EvalError) return other;
    throw error;
  }
  return create(
    machines.map(({ abi }) => jit(schema, abi).decodeAt),
    other,
  );
}
