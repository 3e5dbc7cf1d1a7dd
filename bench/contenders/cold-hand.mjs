export const tasks = {
  /** @param {Uint8Array} bytes */
  cold(bytes) {
    const d = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return {
      ref_count: d.getUint32(0, true),
      flags: d.getUint32(4, true),
      devid: d.getUint32(8, true),
      pci_domain_nr: d.getUint32(12, true),
      token: d.getBigUint64(16, true),
      domain_phys: d.getBigUint64(24, true),
      iommu_phys: d.getBigUint64(32, true),
      pasid_table: d.getBigUint64(40, true),
    };
  },
};
