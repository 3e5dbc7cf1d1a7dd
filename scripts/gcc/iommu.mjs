// Golden layouts and bytes of the structs of the IOMMU's live update series.
import { readFile } from 'node:fs/promises';
import { compile, mapTwo } from './toolchain.mjs';

const OBJ = { idx: 0x01020304, ref_count: 0x11223344, deleted: 0, incoming: 1 };
const HDR_BITS = { ref_count: 0x21324354, deleted: 1, incoming: 0 };
const HDR = { ref_count: 0x31425364, flags: 0x80000002 };
const MAP_B = { did: 0x8042, domain_phys: 0x1234567890, iommu_phys: 0xabcdef0010 };
const MAP = { attachment_id: 0x12345, domain_phys: 0x1234567890, iommu_phys: 0xabcdef0010 };
const SEED_DEVICE = { obj: OBJ, token: 0x1122334455667, devid: 0x3a08, pci_domain: 0x10001, type: 1 };
const DEVICE = { devid: 0x3a08, pci_domain_nr: 0x10001, map: MAP };
const PASID = { pasid_table: 0x3040506000, max_pasid: 0x100000 };
const DOMAIN = { top_table_phys: 0x112233445000, top_level: 4, vasz: 57, sign_extend: 1 };
const INTEL_B = { phys_addr: 0xfed90000, root_table: 0x708090a000 };
const INTEL = {
  restored: 1,
  phys_addr: 0xfed90000,
  root_table: 0x708090a000,
  context_tables_bitmap: [1, 2, 3, 4, 5, 6, 7, 0x1f2e3d4c5b6a79],
};
const HW = { token: 0xfed90000, type: 1 };
const SMMU_HW = { token: 0x2b400000, type: 2 };
const SMMU_DEVICE = {
  l1_cdtab_lu_state: 0xa1a2a3a4a5,
  num_l2_cdtables: 0xb1b2b3b4,
  l2_cdtab_lu_states_phys: 0xc1c2c3c000,
};
/** A kernel pointer that fits into 32 bits. */
const POINTER = { restored_domain: 0xc1d2e3f4 };

/** @type {Record<string, object>} values of which every member is told apart; pads are zero */
const VALUES = {
  obj_b: OBJ,
  objs_b: { next_objs: 0x1122334455000, nr_objs: 110 },
  flb_b: {
    iommus_phys: 0x1000,
    nr_iommus: 2,
    iommu_domains_phys: 0x3000,
    nr_domains: 4,
    devices_phys: 0x5000,
    nr_devices: 6,
  },
  domain_a: { obj: OBJ, top_table: 0x112233445000, top_level: 3, attach_count: 0x5566778899, ...POINTER },
  domain_b: { obj: OBJ, top_table: 0x112233445000, top_level: 3, ...POINTER },
  map_a: MAP_B,
  map_b: MAP_B,
  device_a: { ...SEED_DEVICE, domain_iommu_ser: MAP_B },
  device_b49: { ...SEED_DEVICE, domain_iommu_ser: MAP_B },
  device_b: { ...SEED_DEVICE, domain_iommu_ser: MAP_B, intel: PASID },
  iommu_a: { obj: OBJ, ...HW, intel: INTEL_B },
  iommu_b: { obj: OBJ, ...HW, intel: INTEL_B },
  hdr_c: HDR_BITS,
  array_c: { next_array_phys: 0x1122334455000, nr_objects: 240 },
  flb_c: { iommu_array_phys: 0x1000, iommu_domain_array_phys: 0x2000, device_array_phys: 0x3000 },
  map_c: MAP,
  domain_c: { hdr: HDR_BITS, ...DOMAIN, ...POINTER },
  device_c: { hdr: HDR_BITS, token: 0x1122334455667, ...DEVICE },
  device_d: { hdr: HDR_BITS, ...DEVICE },
  device_di: { hdr: HDR_BITS, ...DEVICE, intel: PASID },
  hw_c: { hdr: HDR_BITS, ...HW },
  hw_d: { hdr: HDR_BITS, ...HW },
  hw_di: { hdr: HDR_BITS, ...HW, intel: INTEL },
  hdr_e: HDR,
  domain_e: { hdr: HDR, ...DOMAIN, ...POINTER },
  device_e: { hdr: HDR, ...DEVICE, intel: PASID },
  device_es: { hdr: HDR, ...DEVICE, arm_smmu_v3: SMMU_DEVICE },
  hw_e: { hdr: HDR, ...HW, intel: INTEL },
  hw_es: {
    hdr: HDR,
    ...SMMU_HW,
    arm_smmu_v3: {
      phys_addr: 0x2b400000,
      strtab_base: 0x1112131415,
      strtab_base_cfg: 0x10219,
      l1_strtab_lu_state: 0x2122232425,
      num_l2_tables: 0x31323334,
      l2_strtab_lu_states_phys: 0x4142434000,
    },
  },
  flb_f: { version: 1, iommu_array_phys: 0x1000, iommu_domain_array_phys: 0x2000, device_array_phys: 0x3000 },
  hw_f0: { hdr: HDR, ...HW },
  device_f0: { hdr: HDR, ...DEVICE },
  domain_f: { hdr: HDR, ...DOMAIN, ...POINTER },
  device_f1: { hdr: HDR, ...DEVICE, dma_owner_token: 0x1122334455667, intel: { restored: 1, ...PASID } },
  device_fs: { hdr: HDR, ...DEVICE, dma_owner_token: 0x1122334455667, arm_smmu_v3: SMMU_DEVICE },
  device_f2: {
    hdr: HDR,
    ...DEVICE,
    dma_owner_token: 0x1122334455667,
    intel: { ats_enabled: 1, ats_supported: 2, restored: 3, ...PASID },
  },
  hw_fs: {
    hdr: HDR,
    ...SMMU_HW,
    arm_smmu_v3: {
      phys_addr: 0x2b400000,
      strtab_base_cfg: 0x10219,
      l1_strtab_lu_state: 0x2122232425,
      l2_strtab_lu_states_phys: 0x4142434000,
    },
  },
};

/** Bit-fields have no offset. @type {Record<string, readonly string[]>} */
const BIT_FIELDS = {
  obj_b: ['deleted', 'incoming'],
  hdr_c: ['deleted', 'incoming'],
  domain_c: ['sign_extend'],
  domain_e: ['sign_extend'],
};

/**
 * @param {unknown} value
 * @returns {string}
 */
function initialiser(value) {
  if (typeof value === 'number') return `${value}ULL`;
  if (Array.isArray(value)) return `{ ${value.map(initialiser).join(', ')} }`;
  const entries = Object.entries(/** @type {object} */ (value));
  return `{ ${entries.map(([name, item]) => `.${name} = ${name === 'restored_domain' ? `(void *)(__UINTPTR_TYPE__)${item}u` : initialiser(item)}`).join(', ')} }`;
}

/**
 * @param {readonly { abi: import('./toolchain.mjs').Abi, command: string }[]} jobs
 * @returns {Promise<string>} the text of iommu.json
 */
export async function iommuGoldens(jobs) {
  let source = await readFile(new URL('iommu.c', import.meta.url), 'utf8');
  const members = Object.fromEntries(
    Object.entries(VALUES).map(([name, value]) => [
      name,
      Object.keys(value).filter((member) => !(BIT_FIELDS[name] ?? []).includes(member)),
    ]),
  );
  for (const [name, value] of Object.entries(VALUES)) {
    const offsets = (members[name] ?? []).map((m) => `, __builtin_offsetof(struct ${name}, ${m})`);
    source += `const unsigned int layout_${name}[] __attribute__((section(".layouts"))) = { sizeof(struct ${name}), _Alignof(struct ${name})${offsets.join('')} };\n`;
    source += `const struct ${name} value_${name} __attribute__((section(".values"))) = ${initialiser(value)};\n`;
  }
  const layouts = await mapTwo(jobs, async ({ abi, command }) => {
    const object = await compile(command, source);
    /** @type {Record<string, object>} */
    const structs = {};
    for (const name of Object.keys(VALUES)) {
      const [size, align, ...offsets] = object.u32s(`layout_${name}`);
      const names = members[name] ?? [];
      structs[name] = {
        size,
        align,
        bytes: Buffer.from(object.bytes(`value_${name}`)).toString('hex'),
        offsets: Object.fromEntries(names.map((member, i) => [member, offsets[i]])),
      };
    }
    return { abi: abi.name, structs };
  });
  const text = JSON.stringify(
    { format: 'carryover-gcc-iommu', version: 1, values: VALUES, layouts },
    null,
    1,
  );
  return `${text.replace(/[[{][^[\]{}]*[\]}]/g, (inner) => inner.replace(/\s*\n\s*/g, ' '))}\n`;
}
