import kaitai from 'kaitai-struct/KaitaiStream.js';

const KaitaiStream = /** @type {any} */ (kaitai).KaitaiStream ?? kaitai;

/** A reader as the compiler emits it, so its schema costs nothing to build. Its u64 are numbers. */
class DeviceSer {
  /** @param {any} io */
  constructor(io) {
    this.ref_count = io.readU4le();
    this.flags = io.readU4le();
    this.devid = io.readU4le();
    this.pci_domain_nr = io.readU4le();
    this.token = io.readU8le();
    this.domain_phys = io.readU8le();
    this.iommu_phys = io.readU8le();
    this.pasid_table = io.readU8le();
  }
}

export const tasks = {
  /** @param {Uint8Array} bytes */
  cold: (bytes) => new DeviceSer(new KaitaiStream(bytes)),
};
