/** The Live Update Orchestrator: sessions of preserved files, luo-v1 to luo-v5. */
export { decodeLuo, luoSubtree } from './follow.js';
export { handlerFor } from './handler.js';
export { LUO } from './rules.js';
export * from './schema.js';
export type { LuoFile, LuoFlb, LuoSession, LuoValue, SystemdMapping } from './value.js';
