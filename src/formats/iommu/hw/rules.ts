/** What must hold between the serialized state and the tables that the hardware reads. */
import { ruleTable } from '../../kho/findings.js';

export const IOMMU_HW = ruleTable('iommu-hw', {
  'root-table': [
    'error',
    'panic',
    'The root table is not where it can be',
    'root_table is the address of a page. The receiver restores that page, and panics where it cannot; the IOMMU goes on reading it meanwhile.',
  ],
  'context-table': [
    'error',
    'panic',
    'A context table is not preserved, or not where it can be',
    'Each entry of the root table that is present leads to a page. The receiver restores all of them (from E on those of context_tables_bitmap), and panics where it cannot.',
  ],
  context: [
    'error',
    'refused',
    'A preserved device has no context entry',
    'The IOMMU goes on translating for a preserved device, so its context entry (the stream table entry, on SMMUv3) is present. Without it, DMA of the device is blocked from the moment that the old kernel stopped.',
  ],
  bitmap: [
    'error',
    'overrun',
    'context_tables_bitmap and the root table disagree',
    'Bit bus * 2 + (devfn >= 0x80) is set for each context table that is preserved (E and later). A table without its bit is not restored, and its page is reused while the IOMMU reads it; a bit without its table makes the receiver restore what is not there.',
  ],
  'pasid-table': [
    'error',
    'refused',
    'The PASID table is another one than the device says',
    'pasid_table is the address of the directory that the context entry in scalable mode leads to, and 0 in legacy mode. The receiver takes it for its own and changes entries in it.',
  ],
  'pasid-size': [
    'error',
    'overrun',
    'The PASID directory is not as large as max_pasid says',
    'The directory that a context entry in scalable mode describes has 2^(PDTS + 7) entries of 64 PASIDs each; max_pasid is that number of PASIDs. The receiver restores max_pasid / 8 bytes.',
  ],
  'pasid-leaf': [
    'error',
    'panic',
    'A leaf of the PASID table is not preserved, or not where it can be',
    'Each present entry of the directory leads to a page of 64 entries. B and trees soon after it keep the first one only; newer ones keep all.',
  ],
  'pasid-entry': [
    'error',
    'refused',
    'The entry for requests without PASID is not present',
    'In scalable mode the context entry names the PASID of requests that have none; Linux uses 0. Where that entry is not present, DMA of the device is blocked.',
  ],
  'translation-type': [
    'error',
    'silent loss',
    'The hardware does not translate with the tables of the domain',
    'A device that is attached to a domain with page tables translates with them: TT 0 or 1 in legacy mode, PGTT 1 or 2 in scalable mode, S1 or S2 on SMMUv3. Pass-through would give the device all of memory.',
  ],
  'top-table': [
    'error',
    'silent loss',
    'The hardware reads other tables than those of the domain',
    'The root in the context entry (legacy), in the PASID entry (scalable), in the context descriptor or stream table entry (SMMUv3) is top_table of the domain that the device is attached to. The receiver frees and maps in the one, and the device uses the other.',
  ],
  levels: [
    'error',
    'silent loss',
    'The hardware reads another number of levels than the domain has',
    'AW is top_level - 1 for a second stage, FSPM is top_level - 3 for a first stage. Tables are read wrong otherwise.',
  ],
  did: [
    'error',
    'silent loss',
    'The domain id of the hardware is another one than that of the device',
    'did (attachment_id) is the id in the context or PASID entry. The receiver invalidates the IOTLB by it, so what the device has cached stays.',
  ],
  reserved: [
    'warning',
    'unnoticed',
    'Bits that the hardware wants to be zero are set',
    'Reserved bits of a present root, context or PASID entry make the hardware that reserves them refuse the request. Linux leaves them zero.',
  ],
  'table-unpreserved': [
    'error',
    'panic',
    'A page of a page table is not preserved',
    'The receiver walks the tables of each domain and restores every page of them, and panics where it cannot. Until then, another owner may write to the page while the IOMMU reads it.',
  ],
  'table-absent': [
    'error',
    'panic',
    'A page of a page table is not in the dump',
    'An entry leads to memory that the dump does not have, or the table is at an impossible address. What it maps cannot be told. If the memory does not exist at all, the receiver panics while it restores the tables.',
  ],
  'table-loop': [
    'error',
    'panic',
    'Page tables lead back to themselves, or to each other',
    'Each table belongs to one entry. The receiver restores pages by walking the tables, and a page can be restored once only.',
  ],
  'entry-reserved': [
    'error',
    'silent loss',
    'An entry of a page table is not one that the hardware takes',
    'Reserved bits are zero, a leaf is where the format has one and aligned to its size, replicas of one page are equal, next levels are those of the tables. The hardware blocks the access otherwise; Linux, which does not look at these bits, takes the entry for something else.',
  ],
  'entry-stale': [
    'warning',
    'unnoticed',
    'An entry that is not present is not zero',
    "Linux writes entries as a whole and clears them to zero. Linux takes each entry of VT-d's second stage that is not zero for a present one.",
  ],
  'entry-unreachable': [
    'warning',
    'unnoticed',
    'There are entries beyond the addresses of the domain',
    'The topmost table may be larger than the addresses need. What lies beyond them is never reached, nor freed.',
  ],
  'map-outside': [
    'error',
    'overrun',
    'A mapping leads outside of preserved guest memory',
    'All that a preserved domain maps is memory of preserved files. The device may write to memory that the next kernel uses for itself.',
  ],
  limit: [
    'note',
    'none',
    'There is more than is looked at',
    'Page tables and mappings are read up to a limit, so that no input takes all of the memory.',
  ],
});
