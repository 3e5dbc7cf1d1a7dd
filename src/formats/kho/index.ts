/**
 * Kexec HandOver: what a kernel leaves in memory for the one it kexecs into.
 *
 * @example
 * const handover = openHandover(image);
 * for (const { rule, message } of handover.findings) console.log(rule, message);
 */
export { HANDOVER_RULES } from './all-rules.js';
export { KHO_CODES, type KhoCode } from './codes.js';
export type { Content } from './content.js';
export { DEBUGFS, type Debugfs, type DebugfsOptions, type DebugfsSide, openDebugfs } from './debugfs.js';
export type { Blob, FileHandler, FlbDecoder, HandoverCheck, Registry, SubtreeDecoder } from './extension.js';
export { fileContents } from './file-contents.js';
export { EFFECTS, type Effect, type HandoverFinding, type HandoverRule } from './findings.js';
export { baseVersion, KHO_GENERATIONS, type KhoGeneration, type MapKind } from './generations.js';
export { type Handover, type HandoverValue, openHandover } from './handover.js';
export { handoverJSON, jsonOf, valueJSON } from './json.js';
export { handoverMeaning } from './meaning.js';
export type { HandoverOptions } from './options.js';
export { PreservedMap, type PreservedRange } from './preserved.js';
export { type RadixShape, radixShape } from './radix.js';
export type { RawBlob, RawTree } from './raw.js';
export { RECEIVER, RECEIVERS, type Receiver, receive, type Verdict } from './receiver.js';
export { REGISTRY } from './registry.js';
export { findRoots, type Root, type RootNode, readRoot } from './root.js';
export { KHO } from './rules.js';
export * from './schema.js';
export type { ScratchArea } from './scratch.js';
export { type HandoverObject, Walk } from './walk.js';
