/** VFIO PCI devices that are preserved as files: `vfio-v1`, `vfio-pci-v1`, `vfio-pci-v2`. */
export { checkVfio } from './check.js';
export { followVfio, type SavedCapability, type SavedState, type VfioValue, vfioHandlers } from './follow.js';
export { VFIO_PROFILES, type VfioProfile } from './profiles.js';
export { VFIO_PCI } from './rules.js';
export * from './schema.js';
