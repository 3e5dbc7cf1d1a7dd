/**
 * Property tests for declarations: values and encodings of any schema, machines, random schemas, and the laws
 * that every schema has to pass. Needs fast-check beside it.
 */
export { arbitraryABI } from './abi.js';
export { arbitraryBytes, type BytesOptions } from './bytes.js';
export * from './laws.js';
export { differenceAt, same } from './same.js';
export { arbitrarySchema, type MemberKind, type SchemaOptions } from './schema.js';
export { arbitraryValue, type ValueOptions } from './value.js';
