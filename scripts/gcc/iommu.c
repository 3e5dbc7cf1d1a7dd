/* The structs of the IOMMU's live update series, written down from their
 * documented layouts. The suffix of a name is the generation that has it; unions
 * with one member are as the drivers of that generation declare them.
 */
typedef __UINT8_TYPE__ u8;
typedef __UINT32_TYPE__ u32;
typedef __UINT64_TYPE__ u64;
#define __packed __attribute__((packed))

/* A and B */
struct obj_b {
	u32 idx;
	u32 ref_count;
	u32 deleted : 1;
	u32 incoming : 1;
} __packed;

struct objs_b {
	u64 next_objs;
	u64 nr_objs;
} __packed;

struct flb_b {
	u64 iommus_phys;
	u64 nr_iommus;
	u64 iommu_domains_phys;
	u64 nr_domains;
	u64 devices_phys;
	u64 nr_devices;
} __packed;

struct domain_a {
	struct obj_b obj;
	u64 top_table;
	u64 top_level;
	u64 attach_count;
	void *restored_domain;
} __packed;

struct domain_b {
	struct obj_b obj;
	u64 top_table;
	u64 top_level;
	void *restored_domain;
} __packed;

struct map_a {
	u32 did;
	u64 domain_phys;
	u64 iommu_phys;
};

struct map_b {
	u32 did;
	u64 domain_phys;
	u64 iommu_phys;
} __packed;

struct device_intel_b {
	u64 pasid_table;
	u64 max_pasid;
} __packed;

struct iommu_intel_b {
	u64 phys_addr;
	u64 root_table;
} __packed;

struct device_a {
	struct obj_b obj;
	u64 token;
	u32 devid;
	u32 pci_domain;
	struct map_a domain_iommu_ser;
	u32 type;
} __packed;

struct device_b49 {
	struct obj_b obj;
	u64 token;
	u32 devid;
	u32 pci_domain;
	struct map_b domain_iommu_ser;
	u32 type;
} __packed;

struct device_b {
	struct obj_b obj;
	u64 token;
	u32 devid;
	u32 pci_domain;
	struct map_b domain_iommu_ser;
	u32 type;
	union {
		struct device_intel_b intel;
	} __packed;
} __packed;

struct iommu_a {
	struct obj_b obj;
	u64 token;
	u32 type;
	union {
		struct iommu_intel_b intel;
	} __packed;
};

struct iommu_b {
	struct obj_b obj;
	u64 token;
	u32 type;
	union {
		struct iommu_intel_b intel;
	} __packed;
} __packed;

/* C and D */
struct hdr_c {
	u32 ref_count;
	u32 deleted : 1;
	u32 incoming : 1;
} __packed;

struct array_c {
	u64 next_array_phys;
	u64 nr_objects;
} __packed;

struct flb_c {
	u64 iommu_array_phys;
	u64 iommu_domain_array_phys;
	u64 device_array_phys;
} __packed;

struct map_c {
	u64 attachment_id;
	u64 domain_phys;
	u64 iommu_phys;
} __packed;

struct domain_c {
	struct hdr_c hdr;
	u64 top_table_phys;
	u64 top_level;
	u32 vasz;
	u32 sign_extend : 1;
	void *restored_domain;
} __packed;

struct device_c {
	struct hdr_c hdr;
	u64 token;
	u32 devid;
	u32 pci_domain_nr;
	struct map_c map;
} __packed;

struct device_d {
	struct hdr_c hdr;
	u32 devid;
	u32 pci_domain_nr;
	struct map_c map;
} __packed;

struct device_di {
	struct hdr_c hdr;
	u32 devid;
	u32 pci_domain_nr;
	struct map_c map;
	union {
		struct device_intel_b intel;
	} __packed;
} __packed;

struct hw_c {
	struct hdr_c hdr;
	u64 token;
	u32 type;
} __packed;

struct hw_d {
	struct hdr_c hdr;
	u64 token;
	u64 type;
} __packed;

/* Not packed, and aligned by itself on machines that align u64 to 8. */
struct iommu_intel_e {
	u8 restored;
	u8 pad[7];
	u64 phys_addr;
	u64 root_table;
	u64 context_tables_bitmap[8];
};

struct hw_di {
	struct hdr_c hdr;
	u64 token;
	u64 type;
	union {
		struct iommu_intel_e intel;
	} __packed;
} __packed;

/* E */
struct hdr_e {
	u32 ref_count;
	u32 flags;
} __packed;

struct domain_e {
	struct hdr_e hdr;
	u64 top_table_phys;
	u64 top_level;
	u32 vasz;
	u32 sign_extend : 1;
	void *restored_domain;
} __packed;

struct device_smmu {
	u64 l1_cdtab_lu_state;
	u32 num_l2_cdtables;
	u32 pad;
	u64 l2_cdtab_lu_states_phys;
} __packed;

struct device_e {
	struct hdr_e hdr;
	u32 devid;
	u32 pci_domain_nr;
	struct map_c map;
	union {
		struct device_intel_b intel;
	} __packed;
} __packed;

struct device_es {
	struct hdr_e hdr;
	u32 devid;
	u32 pci_domain_nr;
	struct map_c map;
	union {
		struct device_intel_b intel;
		struct device_smmu arm_smmu_v3;
	} __packed;
} __packed;

struct hw_e {
	struct hdr_e hdr;
	u64 token;
	u64 type;
	union {
		struct iommu_intel_e intel;
	} __packed;
} __packed;

struct iommu_smmu_e {
	u64 phys_addr;
	u64 strtab_base;
	u64 strtab_base_cfg;
	u64 l1_strtab_lu_state;
	u32 num_l2_tables;
	u32 pad;
	u64 l2_strtab_lu_states_phys;
} __packed;

struct hw_es {
	struct hdr_e hdr;
	u64 token;
	u64 type;
	union {
		struct iommu_intel_e intel;
		struct iommu_smmu_e arm_smmu_v3;
	} __packed;
} __packed;

/* F */
struct flb_f {
	u64 version;
	u64 iommu_array_phys;
	u64 iommu_domain_array_phys;
	u64 device_array_phys;
} __packed;

struct hw_f0 {
	struct hdr_e hdr;
	u64 token;
	u64 type;
} __packed;

struct device_f0 {
	struct hdr_e hdr;
	u32 devid;
	u32 pci_domain_nr;
	struct map_c map;
} __packed;

struct domain_f {
	struct hdr_e hdr;
	u64 top_table_phys;
	u64 top_level;
	u32 vasz;
	u8 sign_extend;
	u8 pad[3];
	void *restored_domain;
} __packed;

struct device_intel_f1 {
	u8 restored;
	u8 pad[7];
	u64 pasid_table;
	u64 max_pasid;
} __packed;

struct device_intel_f2 {
	u8 ats_enabled;
	u8 ats_supported;
	u8 restored;
	u8 pad[5];
	u64 pasid_table;
	u64 max_pasid;
} __packed;

struct device_f1 {
	struct hdr_e hdr;
	u32 devid;
	u32 pci_domain_nr;
	u64 dma_owner_token;
	struct map_c map;
	union {
		struct device_intel_f1 intel;
	} __packed;
} __packed;

struct device_fs {
	struct hdr_e hdr;
	u32 devid;
	u32 pci_domain_nr;
	u64 dma_owner_token;
	struct map_c map;
	union {
		struct device_intel_f1 intel;
		struct device_smmu arm_smmu_v3;
	} __packed;
} __packed;

struct device_f2 {
	struct hdr_e hdr;
	u32 devid;
	u32 pci_domain_nr;
	u64 dma_owner_token;
	struct map_c map;
	union {
		struct device_intel_f2 intel;
	} __packed;
} __packed;

struct iommu_smmu_f {
	u64 phys_addr;
	u64 strtab_base_cfg;
	u64 l1_strtab_lu_state;
	u64 l2_strtab_lu_states_phys;
} __packed;

struct hw_fs {
	struct hdr_e hdr;
	u64 token;
	u64 type;
	union {
		struct iommu_intel_e intel;
		struct iommu_smmu_f arm_smmu_v3;
	} __packed;
} __packed;
