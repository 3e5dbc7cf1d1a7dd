/** Preserved memory of the DMA API, to which handles in other structs lead. */
export { type DmaAllocValue, type DmaPiece, followDmaAlloc } from './follow.js';
export { DMA_ALLOC_PROFILES, type DmaAllocProfile } from './profiles.js';
export { DMA_ALLOC } from './rules.js';
export * from './schema.js';
