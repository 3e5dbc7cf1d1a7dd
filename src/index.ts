/** carryover: reads, checks and builds the binary state that one system leaves for the next. */
export * from './codec/index.js';
export type {
  Finding,
  Format,
  FormatOptions,
  Generation,
  PathPart,
  Reading,
  Recognition,
  Rule,
  Severity,
} from './formats/format.js';
export * from './formats/index.js';
export * from './state/index.js';
