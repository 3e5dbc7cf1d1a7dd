import { Parser } from 'binary-parser';

export const tasks = {
  /** @param {Uint8Array} bytes */
  cold(bytes) {
    return new Parser()
      .endianess('little')
      .uint32('ref_count')
      .uint32('flags')
      .uint32('devid')
      .uint32('pci_domain_nr')
      .uint64('token')
      .uint64('domain_phys')
      .uint64('iommu_phys')
      .uint64('pasid_table')
      .parse(bytes);
  },
};
