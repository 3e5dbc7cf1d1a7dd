/**
 * Declarations of C data, and everything that one declaration gives. Knows types, bytes and ABIs; no format,
 * no file, no Node API.
 */
export * from './abi.js';
export { type BytesLike, fromHex, toHex } from './bytes.js';
export { CODES, type Code } from './codes.js';
export * from './decode.js';
export * from './encode.js';
export { CarryoverError, isCarryoverError, type Path, parsePath, pathText } from './error.js';
export { abiOf, type Negotiation, negotiate, type ProbeStep } from './negotiate.js';
export { type Plan, planOf } from './plan.js';
export type { Observer } from './read.js';
export type { Memory, Params } from './refs.js';
export * from './schema.js';
export { type Slack, setSlack, slackOf } from './slack.js';
