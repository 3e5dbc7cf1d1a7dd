/** What carryover itself builds; more can be given when an image is built. */

import { iommuBuilder } from '../iommu/index.js';
import { SIBLING_FILES, SIBLING_FLBS } from '../siblings/index.js';
import type { BuildRegistry } from './extension.js';
import { memfdBuilder } from './memfd.js';

export const BUILD_REGISTRY: BuildRegistry = Object.freeze({
  files: Object.freeze([memfdBuilder, ...SIBLING_FILES]),
  flbs: Object.freeze([iommuBuilder, ...SIBLING_FLBS]),
});
