/*
 * E: the tree of June 2026, and E+S with the members of the Arm SMMUv3 driver. F0:
 * a root with a version, without parts of drivers. F1 and F1+S: an owner token,
 * and padding where the bit-field was. F2: the state of ATS before "restored".
 */
#include "iommu.h"

struct iommu_hdr_ser {
	u32 ref_count;
	u32 flags;
} __packed;

/* E and F0 */
struct iommu_domain_ser_e {
	struct iommu_hdr_ser hdr;
	u64 top_table_phys;
	u64 top_level;
	u32 vasz;
	u32 sign_extend:1;
	void *restored_domain;
} __packed;

/* F1 and later */
struct iommu_domain_ser {
	struct iommu_hdr_ser hdr;
	u64 top_table_phys;
	u64 top_level;
	u32 vasz;
	u8 sign_extend;
	u8 padding[3];
	void *restored_domain;
} __packed;

struct iommu_dev_map_ser {
	u64 attachment_id;
	u64 domain_phys;
	u64 iommu_phys;
} __packed;

struct iommu_device_intel_ser_e {
	u64 pasid_table;
	u64 max_pasid;
} __packed;

struct iommu_device_intel_ser_f1 {
	u8 restored;
	u8 padding[7];
	u64 pasid_table;
	u64 max_pasid;
} __packed;

struct iommu_device_intel_ser_f2 {
	u8 ats_enabled;
	u8 ats_supported;
	u8 restored;
	u8 padding[5];
	u64 pasid_table;
	u64 max_pasid;
} __packed;

struct iommu_device_smmuv3_ser {
	u64 l1_cdtab_lu_state;
	u32 num_l2_cdtables;
	u32 padding;
	u64 l2_cdtab_lu_states_phys;
} __packed;

struct iommu_device_ser_e {
	struct iommu_hdr_ser hdr;
	u32 devid;
	u32 pci_domain_nr;
	struct iommu_dev_map_ser map;
	union {
		struct iommu_device_intel_ser_e intel;
	};
} __packed;

struct iommu_device_ser_es {
	struct iommu_hdr_ser hdr;
	u32 devid;
	u32 pci_domain_nr;
	struct iommu_dev_map_ser map;
	union {
		struct iommu_device_intel_ser_e intel;
		struct iommu_device_smmuv3_ser smmuv3;
	};
} __packed;

struct iommu_device_ser_f0 {
	struct iommu_hdr_ser hdr;
	u32 devid;
	u32 pci_domain_nr;
	struct iommu_dev_map_ser map;
} __packed;

struct iommu_device_ser_f1 {
	struct iommu_hdr_ser hdr;
	u32 devid;
	u32 pci_domain_nr;
	u64 dma_owner_token;
	struct iommu_dev_map_ser map;
	union {
		struct iommu_device_intel_ser_f1 intel;
		struct iommu_device_smmuv3_ser smmuv3;
	};
} __packed;

struct iommu_device_ser_f2 {
	struct iommu_hdr_ser hdr;
	u32 devid;
	u32 pci_domain_nr;
	u64 dma_owner_token;
	struct iommu_dev_map_ser map;
	union {
		struct iommu_device_intel_ser_f2 intel;
	};
} __packed;

struct iommu_hw_intel_ser {
	u8 restored;
	u8 padding[7];
	u64 phys_addr;
	u64 root_table;
	u64 context_tables_bitmap[8];
};

struct iommu_hw_smmuv3_ser_es {
	u64 phys_addr;
	u64 strtab_base;
	u64 strtab_base_cfg;
	u64 l1_strtab_lu_state;
	u32 num_l2_tables;
	u32 padding;
	u64 l2_strtab_lu_states_phys;
} __packed;

struct iommu_hw_smmuv3_ser_f1s {
	u64 phys_addr;
	u64 strtab_base_cfg;
	u64 l1_strtab_lu_state;
	u64 l2_strtab_lu_states_phys;
} __packed;

struct iommu_hw_ser {
	struct iommu_hdr_ser hdr;
	u64 token;
	u64 type;
	union {
		struct iommu_hw_intel_ser intel;
		struct iommu_hw_smmuv3_ser_es smmuv3_es;
		struct iommu_hw_smmuv3_ser_f1s smmuv3_f1s;
	};
} __packed;

struct iommu_hw_ser_f0 {
	struct iommu_hdr_ser hdr;
	u64 token;
	u64 type;
} __packed;

_Static_assert(sizeof(struct iommu_domain_ser_e) == 37, "E domain");
_Static_assert(offsetof(struct iommu_domain_ser_e, restored_domain) == 29, "E restored_domain");
_Static_assert(sizeof(struct iommu_domain_ser) == 40, "F1 domain");
_Static_assert(sizeof(struct iommu_device_ser_e) == 56, "E device");
_Static_assert(sizeof(struct iommu_device_ser_es) == 64, "E+S device");
_Static_assert(sizeof(struct iommu_device_ser_f0) == 40, "F0 device");
_Static_assert(sizeof(struct iommu_device_ser_f1) == 72, "F1 device");
_Static_assert(sizeof(struct iommu_device_ser_f2) == 72, "F2 device");
_Static_assert(sizeof(struct iommu_hw_ser) == 112, "E hw");
_Static_assert(sizeof(struct iommu_hw_smmuv3_ser_es) == 48, "E+S SMMUv3");
_Static_assert(sizeof(struct iommu_hw_smmuv3_ser_f1s) == 32, "F1+S SMMUv3");
_Static_assert(sizeof(struct iommu_hw_ser_f0) == 24, "F0 hw");

static struct object header(const struct iommu_hdr_ser *slot)
{
	PUT(ref_count);
	PUT(flags);
	return (struct object){ .ref_count = slot->ref_count, .flags = slot->flags };
}

static void need_zero(const u8 *bytes, u64 count, const char *what)
{
	while (count)
		if (bytes[--count])
			refuse("%s: padding is not zero", what);
}

#define DEFINE_DOMAIN(function, struct_type, check)			\
static struct object function(const void *bytes)			\
{									\
	const struct_type *slot = bytes;				\
	struct object object = header(&slot->hdr);			\
									\
	check;								\
	PUT(top_table_phys);						\
	PUT(top_level);							\
	PUT(vasz);							\
	PUT(sign_extend);						\
	put_u64("restored_domain", (u64)slot->restored_domain);		\
	object.table = slot->top_table_phys;				\
	object.level = slot->top_level;					\
	return object;							\
}
DEFINE_DOMAIN(domain_e, struct iommu_domain_ser_e,
	      if (((const u8 *)bytes)[28] & ~1)
		      refuse("domain: bits beside sign_extend are set"))
DEFINE_DOMAIN(domain_f, struct iommu_domain_ser,
	      if (slot->sign_extend > 1)
		      refuse("domain: sign_extend is %u", slot->sign_extend);
	      need_zero(slot->padding, sizeof(slot->padding), "domain"))

#define DEFINE_DEVICE(function, struct_type, owner, parts)		\
static struct object function(const void *bytes)			\
{									\
	const struct_type *slot = bytes;				\
	struct object object = header(&slot->hdr);			\
									\
	PUT(devid);							\
	PUT(pci_domain_nr);						\
	owner;								\
	PUT_AS("attachment_id", map.attachment_id);			\
	PUT_AS("domain_phys", map.domain_phys);				\
	PUT_AS("iommu_phys", map.iommu_phys);				\
	parts;								\
	object.devid = slot->devid;					\
	object.segment = slot->pci_domain_nr;				\
	object.attachment = slot->map.attachment_id;			\
	object.domain_phys = slot->map.domain_phys;			\
	object.hw_phys = slot->map.iommu_phys;				\
	return object;							\
}
/* A device does not say which union member it has: both are printed where there are two. */
#define PUT_PASIDS							\
	PUT_AS("intel.pasid_table", intel.pasid_table);			\
	PUT_AS("intel.max_pasid", intel.max_pasid)
#define PUT_DEVICE_SMMUV3						\
	PUT_AS("smmuv3.l1_cdtab_lu_state", smmuv3.l1_cdtab_lu_state);	\
	PUT_AS("smmuv3.num_l2_cdtables", smmuv3.num_l2_cdtables);	\
	PUT_AS("smmuv3.l2_cdtab_lu_states_phys", smmuv3.l2_cdtab_lu_states_phys)
DEFINE_DEVICE(device_e, struct iommu_device_ser_e, , PUT_PASIDS)
DEFINE_DEVICE(device_es, struct iommu_device_ser_es, , PUT_PASIDS; PUT_DEVICE_SMMUV3)
DEFINE_DEVICE(device_f0, struct iommu_device_ser_f0, , )
DEFINE_DEVICE(device_f1, struct iommu_device_ser_f1, PUT(dma_owner_token),
	      need_zero(slot->intel.padding, sizeof(slot->intel.padding), "device");
	      PUT_AS("intel.restored", intel.restored);
	      PUT_PASIDS)
DEFINE_DEVICE(device_f1s, struct iommu_device_ser_f1, PUT(dma_owner_token),
	      PUT_AS("intel.restored", intel.restored);
	      PUT_PASIDS;
	      PUT_DEVICE_SMMUV3)
DEFINE_DEVICE(device_f2, struct iommu_device_ser_f2, PUT(dma_owner_token),
	      need_zero(slot->intel.padding, sizeof(slot->intel.padding), "device");
	      PUT_AS("intel.ats_enabled", intel.ats_enabled);
	      PUT_AS("intel.ats_supported", intel.ats_supported);
	      PUT_AS("intel.restored", intel.restored);
	      PUT_PASIDS)

static void put_intel(const struct iommu_hw_ser *slot)
{
	unsigned int i;

	need_zero(slot->intel.padding, sizeof(slot->intel.padding), "hw");
	PUT_AS("intel.restored", intel.restored);
	PUT_AS("intel.phys_addr", intel.phys_addr);
	PUT_AS("intel.root_table", intel.root_table);
	/* The buses whose context tables are kept: bit is bus * 2, and one more for devfn 0x80 and above. */
	for (i = 0; i < 8; i++)
		if (slot->intel.context_tables_bitmap[i]) {
			char key[64] = "intel.context_tables_bitmap.0";

			key[28] = (char)('0' + i);
			put_u64(key, slot->intel.context_tables_bitmap[i]);
		}
	if (slot->intel.phys_addr != slot->token)
		refuse("hw: token 0x%llx is not its register base", (unsigned long long)slot->token);
}

#define DEFINE_HW(function, smmuv3)					\
static struct object function(const void *bytes)			\
{									\
	const struct iommu_hw_ser *slot = bytes;			\
	struct object object = header(&slot->hdr);			\
									\
	PUT(token);							\
	PUT(type);							\
	if (slot->type == IOMMU_INTEL)					\
		put_intel(slot);					\
	smmuv3;								\
	object.token = slot->token;					\
	object.type = slot->type;					\
	return object;							\
}
DEFINE_HW(hw_intel, )
DEFINE_HW(hw_es,
	  if (slot->type == IOMMU_ARM_SMMUV3) {
		  PUT_AS("smmuv3.phys_addr", smmuv3_es.phys_addr);
		  PUT_AS("smmuv3.strtab_base", smmuv3_es.strtab_base);
		  PUT_AS("smmuv3.strtab_base_cfg", smmuv3_es.strtab_base_cfg);
		  PUT_AS("smmuv3.l1_strtab_lu_state", smmuv3_es.l1_strtab_lu_state);
		  PUT_AS("smmuv3.num_l2_tables", smmuv3_es.num_l2_tables);
		  PUT_AS("smmuv3.l2_strtab_lu_states_phys", smmuv3_es.l2_strtab_lu_states_phys);
	  })
DEFINE_HW(hw_f1s,
	  if (slot->type == IOMMU_ARM_SMMUV3) {
		  PUT_AS("smmuv3.phys_addr", smmuv3_f1s.phys_addr);
		  PUT_AS("smmuv3.strtab_base_cfg", smmuv3_f1s.strtab_base_cfg);
		  PUT_AS("smmuv3.l1_strtab_lu_state", smmuv3_f1s.l1_strtab_lu_state);
		  PUT_AS("smmuv3.l2_strtab_lu_states_phys", smmuv3_f1s.l2_strtab_lu_states_phys);
	  })

static struct object hw_f0(const void *bytes)
{
	const struct iommu_hw_ser_f0 *slot = bytes;
	struct object object = header(&slot->hdr);

	PUT(token);
	PUT(type);
	object.token = slot->token;
	object.type = slot->type;
	return object;
}

const struct profile profile_e = {
	.name = "E",
	.stride = { sizeof(struct iommu_hw_ser), sizeof(struct iommu_domain_ser_e), sizeof(struct iommu_device_ser_e) },
	.print = { hw_intel, domain_e, device_e },
};
const struct profile profile_es = {
	.name = "E+S",
	.stride = { sizeof(struct iommu_hw_ser), sizeof(struct iommu_domain_ser_e), sizeof(struct iommu_device_ser_es) },
	.print = { hw_es, domain_e, device_es },
};
const struct profile profile_f0 = {
	.name = "F0",
	.versioned = true,
	.stride = { sizeof(struct iommu_hw_ser_f0), sizeof(struct iommu_domain_ser_e), sizeof(struct iommu_device_ser_f0) },
	.print = { hw_f0, domain_e, device_f0 },
};
const struct profile profile_f1 = {
	.name = "F1",
	.versioned = true,
	.stride = { sizeof(struct iommu_hw_ser), sizeof(struct iommu_domain_ser), sizeof(struct iommu_device_ser_f1) },
	.print = { hw_intel, domain_f, device_f1 },
};
const struct profile profile_f1s = {
	.name = "F1+S",
	.versioned = true,
	.stride = { sizeof(struct iommu_hw_ser), sizeof(struct iommu_domain_ser), sizeof(struct iommu_device_ser_f1) },
	.print = { hw_f1s, domain_f, device_f1s },
};
const struct profile profile_f2 = {
	.name = "F2",
	.versioned = true,
	.stride = { sizeof(struct iommu_hw_ser), sizeof(struct iommu_domain_ser), sizeof(struct iommu_device_ser_f2) },
	.print = { hw_intel, domain_f, device_f2 },
};
