/** Page tables of IOMMUs: walked, written, and told apart. */

export { PGTABLE_CODES, type PgtableCode } from './codes.js';
export { type Coverage, CoverageBuilder, coverageOf } from './coverage.js';
export { FRAME } from './frame.js';
export { geometryOf, type TableGeometry } from './geometry.js';
export { type FormatEvidence, type FormatInference, inferFormat } from './infer.js';
export { type Mapping, Mappings } from './mappings.js';
export * from './schema.js';
export * from './types.js';
export { walkTables } from './walk.js';
export { type MappingInput, type TablePage, type WrittenTables, writeTables } from './write.js';
