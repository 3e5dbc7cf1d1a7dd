/* C: the tree between v1 and v2. D: v2, April 2026. A header of five bytes, without an ordinal. */
#include "iommu.h"

struct iommu_hdr_ser {
	u32 ref_count;
	u32 deleted:1;
	u32 incoming:1;
} __packed;

struct iommu_domain_ser {
	struct iommu_hdr_ser hdr;
	u64 top_table_phys;
	u64 top_level;
	u32 vasz;
	u32 sign_extend:1;
	void *restored_domain;
} __packed;

struct iommu_dev_map_ser {
	u64 attachment_id;
	u64 domain_phys;
	u64 iommu_phys;
} __packed;

struct iommu_device_ser_c {
	struct iommu_hdr_ser hdr;
	u64 token;
	u32 devid;
	u32 pci_domain_nr;
	struct iommu_dev_map_ser map;
} __packed;

struct iommu_device_ser {
	struct iommu_hdr_ser hdr;
	u32 devid;
	u32 pci_domain_nr;
	struct iommu_dev_map_ser map;
} __packed;

struct iommu_hw_ser_c {
	struct iommu_hdr_ser hdr;
	u64 token;
	u32 type;
} __packed;

struct iommu_hw_ser {
	struct iommu_hdr_ser hdr;
	u64 token;
	u64 type;
} __packed;

_Static_assert(sizeof(struct iommu_hdr_ser) == 5, "iommu_hdr_ser");
_Static_assert(sizeof(struct iommu_domain_ser) == 34, "C and D domain");
_Static_assert(offsetof(struct iommu_domain_ser, restored_domain) == 26, "restored_domain");
_Static_assert(sizeof(struct iommu_device_ser_c) == 45, "C device");
_Static_assert(sizeof(struct iommu_device_ser) == 37, "D device");
_Static_assert(sizeof(struct iommu_hw_ser_c) == 17, "C hw");
_Static_assert(sizeof(struct iommu_hw_ser) == 21, "D hw");

static struct object header(const struct iommu_hdr_ser *slot)
{
	struct object object = { .ref_count = slot->ref_count };

	object.flags = ((const u8 *)slot)[sizeof(*slot) - 1];
	PUT(ref_count);
	PUT(deleted);
	PUT(incoming);
	return object;
}

static struct object domain(const void *bytes)
{
	const struct iommu_domain_ser *slot = bytes;
	struct object object = header(&slot->hdr);

	if (((const u8 *)bytes)[25] & ~1)
		refuse("domain: bits beside sign_extend are set");
	PUT(top_table_phys);
	PUT(top_level);
	PUT(vasz);
	PUT(sign_extend);
	put_u64("restored_domain", (u64)slot->restored_domain);
	object.table = slot->top_table_phys;
	object.level = slot->top_level;
	return object;
}

#define DEFINE_DEVICE(function, struct_type, more)			\
static struct object function(const void *bytes)			\
{									\
	const struct_type *slot = bytes;				\
	struct object object = header(&slot->hdr);			\
									\
	more;								\
	PUT(devid);							\
	PUT(pci_domain_nr);						\
	PUT_AS("attachment_id", map.attachment_id);			\
	PUT_AS("domain_phys", map.domain_phys);				\
	PUT_AS("iommu_phys", map.iommu_phys);				\
	object.devid = slot->devid;					\
	object.segment = slot->pci_domain_nr;				\
	object.attachment = slot->map.attachment_id;			\
	object.domain_phys = slot->map.domain_phys;			\
	object.hw_phys = slot->map.iommu_phys;				\
	return object;							\
}
DEFINE_DEVICE(device_c, struct iommu_device_ser_c, PUT(token))
DEFINE_DEVICE(device_d, struct iommu_device_ser, )

#define DEFINE_HW(function, struct_type)				\
static struct object function(const void *bytes)			\
{									\
	const struct_type *slot = bytes;				\
	struct object object = header(&slot->hdr);			\
									\
	PUT(token);							\
	PUT(type);							\
	object.token = slot->token;					\
	object.type = slot->type;					\
	return object;							\
}
DEFINE_HW(hw_c, struct iommu_hw_ser_c)
DEFINE_HW(hw_d, struct iommu_hw_ser)

const struct profile profile_c = {
	.name = "C",
	.stride = { sizeof(struct iommu_hw_ser_c), sizeof(struct iommu_domain_ser), sizeof(struct iommu_device_ser_c) },
	.print = { hw_c, domain, device_c },
};
const struct profile profile_d = {
	.name = "D",
	.stride = { sizeof(struct iommu_hw_ser), sizeof(struct iommu_domain_ser), sizeof(struct iommu_device_ser) },
	.print = { hw_d, domain, device_d },
};
