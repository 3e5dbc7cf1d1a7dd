/** The IOMMU's state across a live update, in every layout that was posted or is known from a tree. */
export * from './arrays.js';
export { checkIommuNeighbours } from './cross.js';
export { followIommu, type IommuValue, iommuFlbs } from './follow.js';
export * from './objects.js';
export * from './profiles.js';
export type { DeviceReach, DomainTables, UnitTables } from './reach.js';
export * from './recognise.js';
export { IOMMU } from './rules.js';
export * from './schema.js';
export { type Place, type ProfileSlots, type SlotsOf, slotsOf } from './slots.js';
export { IOMMU_HEX, iommuLine } from './text.js';
