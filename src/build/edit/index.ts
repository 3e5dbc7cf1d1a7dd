/** Changing one thing in a dump, and getting the dump back with only that changed. */
export {
  type Edited,
  type EditOptions,
  editHandover,
  findingsChanged,
  patchHandover,
  type Step,
} from './edit-handover.js';
export type { Extent, Field } from './field.js';
export { type FileWrite, fileWrites, innerSource, rewritten, rewrittenAs } from './file-writes.js';
export { locateField } from './locate.js';
export { type Change, OverlayImage } from './overlay-image.js';
