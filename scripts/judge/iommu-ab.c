/*
 * A: RFC v2, December 2025. B: v1, February 2026; B49 is the tree of its first
 * eight patches, in which a device has no union yet. One-bit fields at the end of
 * a packed struct take one byte.
 */
#include "iommu.h"

struct iommu_obj_ser {
	u32 idx;
	u32 ref_count;
	u32 deleted:1;
	u32 incoming:1;
} __packed;

struct iommu_domain_ser_a {
	struct iommu_obj_ser obj;
	u64 top_table;
	u64 top_level;
	u64 attach_count;
	void *restored_domain;
} __packed;

struct iommu_domain_ser {
	struct iommu_obj_ser obj;
	u64 top_table;
	u64 top_level;
	void *restored_domain;
} __packed;

/* Not packed. */
struct device_domain_iommu_ser_a {
	u32 did;
	u64 domain_phys;
	u64 iommu_phys;
};

struct device_domain_iommu_ser {
	u32 did;
	u64 domain_phys;
	u64 iommu_phys;
} __packed;

enum iommu_lu_type { IOMMU_INVALID };

struct device_ser_a {
	struct iommu_obj_ser obj;
	u64 token;
	u32 devid;
	u32 pci_domain;
	struct device_domain_iommu_ser_a domain_iommu_ser;
	enum iommu_lu_type type;
} __packed;

struct device_ser_b49 {
	struct iommu_obj_ser obj;
	u64 token;
	u32 devid;
	u32 pci_domain;
	struct device_domain_iommu_ser domain_iommu_ser;
	enum iommu_lu_type type;
} __packed;

struct device_intel_ser {
	u64 pasid_table;
	u64 max_pasid;
} __packed;

struct device_ser {
	struct iommu_obj_ser obj;
	u64 token;
	u32 devid;
	u32 pci_domain;
	struct device_domain_iommu_ser domain_iommu_ser;
	enum iommu_lu_type type;
	union {
		struct device_intel_ser intel;
	};
} __packed;

struct iommu_intel_ser {
	u64 phys_addr;
	u64 root_table;
} __packed;

/* Not packed. */
struct iommu_ser_a {
	struct iommu_obj_ser obj;
	u64 token;
	enum iommu_lu_type type;
	union {
		struct iommu_intel_ser intel;
	};
};

struct iommu_ser {
	struct iommu_obj_ser obj;
	u64 token;
	enum iommu_lu_type type;
	union {
		struct iommu_intel_ser intel;
	};
} __packed;

_Static_assert(sizeof(struct iommu_obj_ser) == 9, "iommu_obj_ser");
_Static_assert(sizeof(struct iommu_domain_ser_a) == 41, "A domain");
_Static_assert(sizeof(struct iommu_domain_ser) == 33, "B domain");
_Static_assert(sizeof(struct device_ser_a) == 53, "A device");
_Static_assert(sizeof(struct device_ser_b49) == 49, "B49 device");
_Static_assert(sizeof(struct device_ser) == 65, "B device");
_Static_assert(sizeof(struct iommu_ser_a) == 48, "A hw");
_Static_assert(offsetof(struct iommu_ser_a, intel) == 28, "A hw intel");
_Static_assert(sizeof(struct iommu_ser) == 37, "B hw");

static struct object header(const struct iommu_obj_ser *slot)
{
	struct object object = { .idx = slot->idx, .ref_count = slot->ref_count };

	/* All eight bits, also those without a name. */
	object.flags = ((const u8 *)slot)[sizeof(*slot) - 1];
	PUT(idx);
	PUT(ref_count);
	PUT(deleted);
	PUT(incoming);
	return object;
}

#define DEFINE_DOMAIN(function, struct_type, more)			\
static struct object function(const void *bytes)			\
{									\
	const struct_type *slot = bytes;				\
	struct object object = header(&slot->obj);			\
									\
	PUT(top_table);							\
	PUT(top_level);							\
	more;								\
	put_u64("restored_domain", (u64)slot->restored_domain);		\
	object.table = slot->top_table;					\
	object.level = slot->top_level;					\
	return object;							\
}
DEFINE_DOMAIN(domain_a, struct iommu_domain_ser_a, PUT(attach_count))
DEFINE_DOMAIN(domain_b, struct iommu_domain_ser, )

#define DEFINE_DEVICE(function, struct_type, more)			\
static struct object function(const void *bytes)			\
{									\
	const struct_type *slot = bytes;				\
	struct object object = header(&slot->obj);			\
									\
	PUT(token);							\
	PUT(devid);							\
	PUT(pci_domain);						\
	PUT_AS("did", domain_iommu_ser.did);				\
	PUT_AS("domain_phys", domain_iommu_ser.domain_phys);		\
	PUT_AS("iommu_phys", domain_iommu_ser.iommu_phys);		\
	PUT(type);							\
	more;								\
	object.devid = slot->devid;					\
	object.segment = slot->pci_domain;				\
	object.attachment = slot->domain_iommu_ser.did;			\
	object.domain_phys = slot->domain_iommu_ser.domain_phys;	\
	object.hw_phys = slot->domain_iommu_ser.iommu_phys;		\
	return object;							\
}
DEFINE_DEVICE(device_a, struct device_ser_a, )
DEFINE_DEVICE(device_b49, struct device_ser_b49, )
DEFINE_DEVICE(device_b, struct device_ser,
	      PUT_AS("intel.pasid_table", intel.pasid_table);
	      PUT_AS("intel.max_pasid", intel.max_pasid))

#define DEFINE_HW(function, struct_type)				\
static struct object function(const void *bytes)			\
{									\
	const struct_type *slot = bytes;				\
	struct object object = header(&slot->obj);			\
									\
	PUT(token);							\
	PUT(type);							\
	PUT_AS("intel.phys_addr", intel.phys_addr);			\
	PUT_AS("intel.root_table", intel.root_table);			\
	object.token = slot->token;					\
	object.type = slot->type;					\
	return object;							\
}
DEFINE_HW(hw_a, struct iommu_ser_a)
DEFINE_HW(hw_b, struct iommu_ser)

const struct profile profile_a = {
	.name = "A",
	.totals = true,
	.stride = { sizeof(struct iommu_ser_a), sizeof(struct iommu_domain_ser_a), sizeof(struct device_ser_a) },
	.print = { hw_a, domain_a, device_a },
};
const struct profile profile_b = {
	.name = "B",
	.totals = true,
	.stride = { sizeof(struct iommu_ser), sizeof(struct iommu_domain_ser), sizeof(struct device_ser) },
	.print = { hw_b, domain_b, device_b },
};
const struct profile profile_b49 = {
	.name = "B49",
	.totals = true,
	.stride = { sizeof(struct iommu_ser), sizeof(struct iommu_domain_ser), sizeof(struct device_ser_b49) },
	.print = { hw_b, domain_b, device_b49 },
};
