/** An iommufd that is preserved as a file, and the ioctls that mark what of it is. */
export { followIommufd, type IommufdHwpt, type IommufdValue, iommufdHandler } from './follow.js';
export { IOMMUFD_PROFILES, type IommufdProfile } from './profiles.js';
export { IOMMUFD } from './rules.js';
export * from './schema.js';
export * from './uapi.js';
