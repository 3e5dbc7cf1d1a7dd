/**
 * Declarations of C data, and everything that one declaration gives. Knows types, bytes and ABIs; no format,
 * no file, no Node API.
 */
export * from './abi.js';
export { type AnnotateOptions, type Annotation, type AnnotationKind, annotate } from './annotate.js';
export { type BytesLike, fromHex, toHex } from './bytes.js';
export { type Canonical, canonical, type Dropped } from './canonical.js';
export { type CheckOptions, type CheckValueOptions, checkBytes, checkValue, type Problem } from './check.js';
export { type AnyCode, CHECK_CODES, type CheckCode, CODES, type Code } from './codes.js';
export {
  type BigIntColumn,
  type Column,
  type Columns,
  type ColumnsOptions,
  columns,
  type NumberColumn,
} from './columns.js';
export { type Compiled, type CompiledDecodeOptions, interpreted } from './compiled.js';
export * from './decode.js';
export { bytesText, declaration, declarator, typeText, valueText } from './describe.js';
export * from './encode.js';
export { CarryoverError, isCarryoverError, type Path, parsePath, pathText } from './error.js';
export {
  fromJSON,
  type JSONInput,
  type JSONOptions,
  type JSONValue,
  type ToJSONOptions,
  toJSON,
} from './json.js';
export * from './layout.js';
export { abiOf, type Negotiation, negotiate, type ProbeStep } from './negotiate.js';
export { type Negotiating, negotiating } from './negotiating.js';
export { type Plan, planOf } from './plan.js';
export type { Observer } from './read.js';
export * from './records.js';
export type { Memory, Params } from './refs.js';
export * from './schema.js';
export { type ElementsOptions, encodedSize, type SizeOptions, sizeIn, sizeof } from './size.js';
export { type Slack, setSlack, slackOf } from './slack.js';
export * from './view.js';
