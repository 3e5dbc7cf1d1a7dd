import * as r from 'restructure';

const u64 = {
  size: () => 8,
  /** @param {any} stream */
  decode(stream) {
    const low = stream.readUInt32LE();
    return (BigInt(stream.readUInt32LE()) << 32n) | BigInt(low);
  },
};

export const tasks = {
  /** @param {Uint8Array} bytes */
  cold(bytes) {
    return new r.Struct({
      ref_count: r.uint32le,
      flags: r.uint32le,
      devid: r.uint32le,
      pci_domain_nr: r.uint32le,
      token: u64,
      domain_phys: u64,
      iommu_phys: u64,
      pasid_table: u64,
    }).fromBuffer(bytes);
  },
};
