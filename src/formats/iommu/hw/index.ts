/** Tables that VT-d and SMMUv3 hardware read, followed and compared with the serialized state. */
export { checkBitmap, checkDevice } from './check-device.js';
export { checkMappings } from './check-mappings.js';
export { IOMMU_HW } from './rules.js';
export { smmuDevice, smmuUnit } from './smmu.js';
export * from './smmu-schema.js';
export * from './types.js';
export { bdfText, type SavedPasids, vtdDevice, vtdUnit } from './vtd.js';
export * from './vtd-schema.js';
