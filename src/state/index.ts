/** Opening an input and working with what is in it. Knows no file and no terminal; runs in browsers. */
export { abiFromJSON, abiToJSON, parseABI } from './abi-text.js';
export { STATE_CODES, type StateCode } from './codes.js';
export { type Converted, type ConvertOptions, convert } from './convert.js';
export {
  type ByteDifference,
  type ByteDifferences,
  type ContextEntry,
  type Diff,
  type Diffable,
  type Difference,
  type DifferenceKind,
  type DiffOptions,
  diff,
  diffDocument,
} from './diff/index.js';
export {
  type DocumentOptions,
  type EncodeDocumentOptions,
  encodeDocument,
  findingToJSON,
  toDocument,
  valueToJSON,
} from './document.js';
export { countBySeverity } from './findings.js';
export {
  type GraphEdge,
  type GraphGroup,
  type GraphKind,
  type GraphNode,
  type GraphOptions,
  type HandoverGraph,
  handoverGraph,
} from './graph.js';
export {
  blobOfHandover,
  type HandoverState,
  handoverDocument,
  handoverRecord,
  openBlob,
  openCopy,
  openDump,
  outcomesOf,
  verdictOf,
} from './handover.js';
export { type MissingContents, missingText } from './handover-contents.js';
export { withNames } from './handover-names.js';
export { handoverRanges, type MemoryMap, memoryMap, type OwnedRange } from './handover-ranges.js';
export {
  type HandoverNode,
  handoverNodeAt,
  handoverTree,
  numberedPath,
  objectAt,
  objectOf,
  sizeText,
} from './handover-tree.js';
export { type OpenOptions, open, parseAs, type State } from './open.js';
export { type PreservedFile, preservedFile } from './preserved-file.js';
export { type ByteRange, byteRanges } from './ranges.js';
export { type Edit, parseEdit, patchBytes, type SetOptions, setFields } from './set.js';
export { isInline, type Node, type NodeKind, nodeAt } from './tree.js';
export type { WireNode } from './wire.js';
