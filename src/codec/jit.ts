/**
 * Generated code made at run time, by `new Function`: the only place that evaluates text. Only who imports
 * this module (`carryover/codec/jit`) has it.
 */
import type { ABI } from './abi.js';
import { type Compiled, interpreted } from './compiled.js';
import { generateBody } from './generate.js';
import * as support from './generated-support.js';
import type { Schema } from './schema.js';

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
