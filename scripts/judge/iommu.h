/* What an IOMMU driver and iommufd hand over, as each profile of the structs has it. */
#ifndef JUDGE_IOMMU_H
#define JUDGE_IOMMU_H

#include "core.h"

enum kind { HW, DOMAIN, DEVICE, KINDS };

/* What the walk itself needs of an object, whatever its layout is. */
struct object {
	u32 idx;
	u32 ref_count;
	/* As stored: a byte of bit-fields, or a word of flags. */
	u32 flags;
	/* Of a device. */
	u32 devid;
	u32 segment;
	u64 attachment;
	phys_addr_t domain_phys;
	phys_addr_t hw_phys;
	/* Of a domain: the table and its level. Of a unit: token and type. */
	u64 table;
	u64 level;
	u64 token;
	u64 type;
};
#define DELETED 1u
#define INCOMING 2u

struct profile {
	const char *name;
	u64 stride[KINDS];
	/* The root has a version first, and must have all three arrays. */
	bool versioned;
	/* The root has the totals of each kind beside the arrays, and objects have their ordinal. */
	bool totals;
	/* Reads an object, and prints its fields into the line that was begun. */
	struct object (*print[KINDS])(const void *slot);
};
extern const struct profile profile_a, profile_b, profile_b49, profile_c, profile_d, profile_e, profile_es,
	profile_f0, profile_f1, profile_f1s, profile_f2;

#define IOMMU_INTEL 1
#define IOMMU_ARM_SMMUV3 2

#define PUT(field) put_u64(#field, slot->field)
#define PUT_AS(name, field) put_u64(name, slot->field)

#endif
