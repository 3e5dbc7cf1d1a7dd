/** Memfds as the Live Update Orchestrator hands them over: memfd-v1 and memfd-v2. */
export { type ArrayReader, arrayTail, readArray } from '../payload/array.js';
export { memfdContents } from './contents.js';
export { followMemfd, type MemfdValue, memfdV1, memfdV2 } from './follow.js';
export { MEMFD } from './rules.js';
export { FolioReader, type FolioRun, FolioRuns, MAX_RUNS } from './runs.js';
export * from './schema.js';
