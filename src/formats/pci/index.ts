/** The devices that the PCI core preserves, as file-lifecycle-bound data, in all layouts that were posted. */
export { bdfPoints, domainPoints, pciAddress, VMD_DOMAIN } from './address.js';
export { followPci, type PciDevice, type PciRfcDevice, type PciValue, pciFlbs } from './follow.js';
export { PCI_PROFILES, type PciProfile } from './profiles.js';
export { PCI } from './rules.js';
export * from './schema.js';
