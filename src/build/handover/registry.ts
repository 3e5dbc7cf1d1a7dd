/** What carryover itself builds; more can be given when an image is built. */
import type { BuildRegistry } from './extension.js';
import { memfdBuilder } from './memfd.js';

export const BUILD_REGISTRY: BuildRegistry = Object.freeze({
  files: Object.freeze([memfdBuilder]),
  flbs: Object.freeze([]),
});
