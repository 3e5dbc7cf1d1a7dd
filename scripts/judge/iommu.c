/*
 * A strict receiver of what an IOMMU driver hands over. It is told the profile of
 * the structs and the address of the root, which is the data of the FLB; prints
 * all objects, deleted ones too; and ends with status 1 and a message where
 * something does not hold.
 *
 *   iommu --page=4096 --profile=B --root=ADDRESS CORE
 */
#include <stdlib.h>
#include <string.h>

#include "iommu.h"

struct root_with_totals {
	u64 iommus_phys;
	u64 nr_iommus;
	u64 iommu_domains_phys;
	u64 nr_domains;
	u64 devices_phys;
	u64 nr_devices;
} __packed;

struct root_of_arrays {
	u64 iommu_array_phys;
	u64 iommu_domain_array_phys;
	u64 device_array_phys;
} __packed;

struct root_with_version {
	u64 version;
	struct root_of_arrays arrays;
} __packed;

struct array_header {
	u64 next;
	u64 count;
} __packed;

_Static_assert(sizeof(struct root_with_totals) == 48, "iommu_lu_flb_ser");
_Static_assert(sizeof(struct root_of_arrays) == 24, "iommu_flb_ser");
_Static_assert(sizeof(struct root_with_version) == 32, "iommu_flb_ser with version");

static const struct profile *const profiles[] = {
	&profile_a, &profile_b, &profile_b49, &profile_c, &profile_d, &profile_e,
	&profile_es, &profile_f0, &profile_f1, &profile_f1s, &profile_f2,
};
static const char *const kinds[KINDS] = { "hw", "domain", "device" };

struct slot {
	phys_addr_t address;
	struct object object;
	u64 users;
};
static struct slot *slots[KINDS];
static u64 nr_slots[KINDS], slot_room[KINDS];

static phys_addr_t *array_pages;
static u64 nr_array_pages, array_room;

static void check(enum kind kind, const struct object *object, u64 ordinal, const struct profile *profile)
{
	if (profile->totals && object->idx != ordinal)
		refuse("%s %llu: idx is %u", kinds[kind], (unsigned long long)ordinal, object->idx);
	if (object->flags & ~(DELETED | INCOMING))
		refuse("%s %llu: flags 0x%x", kinds[kind], (unsigned long long)ordinal, object->flags);
	if (object->flags & DELETED)
		return;
	if (object->ref_count == 0)
		refuse("%s %llu: live, without a reference", kinds[kind], (unsigned long long)ordinal);
	if (kind == DOMAIN && (object->table == 0 || object->table % 4096))
		refuse("domain %llu: table at 0x%llx", (unsigned long long)ordinal, (unsigned long long)object->table);
	if (kind == DOMAIN && object->level > 7)
		refuse("domain %llu: level 0x%llx", (unsigned long long)ordinal, (unsigned long long)object->level);
	if (kind == DEVICE && object->devid > 0xffff)
		refuse("device %llu: devid 0x%x", (unsigned long long)ordinal, object->devid);
}

static void read_array(const struct profile *profile, enum kind kind, phys_addr_t first, u64 total)
{
	u64 capacity = (page_size - sizeof(struct array_header)) / profile->stride[kind];
	phys_addr_t at;

	if (first == 0)
		refuse("%s: no array", kinds[kind]);
	for (at = first; at;) {
		u8 *page = read_page(at, kinds[kind]);
		const struct array_header *header = (const void *)page;
		u64 i;

		for (i = 0; i < nr_array_pages; i++)
			if (array_pages[i] == at)
				refuse("%s: array 0x%llx is reached twice", kinds[kind], (unsigned long long)at);
		array_pages = grow(array_pages, nr_array_pages, &array_room, sizeof(*array_pages));
		array_pages[nr_array_pages++] = at;
		if (header->count > capacity)
			refuse("%s: array 0x%llx has %llu objects, %llu fit", kinds[kind], (unsigned long long)at,
			       (unsigned long long)header->count, (unsigned long long)capacity);
		if (header->next && header->count != capacity)
			refuse("%s: array 0x%llx is not full and not the last", kinds[kind], (unsigned long long)at);
		for (i = 0; i < header->count; i++) {
			u64 offset = sizeof(*header) + i * profile->stride[kind];
			struct slot slot = { .address = at + offset };

			line(kinds[kind]);
			put_u64("address", slot.address);
			slot.object = profile->print[kind](page + offset);
			end_line();
			check(kind, &slot.object, nr_slots[kind], profile);
			slots[kind] = grow(slots[kind], nr_slots[kind], &slot_room[kind], sizeof(slot));
			slots[kind][nr_slots[kind]++] = slot;
		}
		at = header->next;
		free(page);
	}
	if (profile->totals && nr_slots[kind] != total)
		refuse("%s: %llu objects instead of %llu", kinds[kind], (unsigned long long)nr_slots[kind],
		       (unsigned long long)total);
}

static struct slot *live(enum kind kind, phys_addr_t address, const char *who)
{
	u64 i;

	for (i = 0; i < nr_slots[kind]; i++)
		if (slots[kind][i].address == address) {
			if (slots[kind][i].object.flags & DELETED)
				refuse("%s: %s 0x%llx is deleted", who, kinds[kind], (unsigned long long)address);
			return &slots[kind][i];
		}
	refuse("%s: no %s begins at 0x%llx", who, kinds[kind], (unsigned long long)address);
}

static void check_references(const struct profile *profile)
{
	u64 i, j;

	for (i = 0; i < nr_slots[DEVICE]; i++) {
		const struct object *device = &slots[DEVICE][i].object;
		struct slot *hw;

		if (device->flags & DELETED)
			continue;
		live(DOMAIN, device->domain_phys, "device");
		hw = live(HW, device->hw_phys, "device");
		hw->users++;
		if (hw->object.type == IOMMU_INTEL && (device->attachment < 2 || device->attachment > 0xffff))
			refuse("device %llu: domain id 0x%llx", (unsigned long long)i, (unsigned long long)device->attachment);
		for (j = 0; j < i; j++) {
			const struct object *other = &slots[DEVICE][j].object;

			if (other->flags & DELETED)
				continue;
			if (other->devid == device->devid && other->segment == device->segment)
				refuse("devices %llu and %llu are the same", (unsigned long long)j, (unsigned long long)i);
			/* One id for each pair of domain and unit. */
			if (other->hw_phys == device->hw_phys &&
			    (other->domain_phys == device->domain_phys) != (other->attachment == device->attachment))
				refuse("devices %llu and %llu: ids of their domains", (unsigned long long)j,
				       (unsigned long long)i);
		}
	}
	for (i = 0; i < nr_slots[HW]; i++) {
		const struct slot *hw = &slots[HW][i];

		if (hw->object.flags & DELETED)
			continue;
		for (j = 0; j < i; j++)
			if (!(slots[HW][j].object.flags & DELETED) && slots[HW][j].object.token == hw->object.token &&
			    slots[HW][j].object.type == hw->object.type)
				refuse("hw: token 0x%llx twice", (unsigned long long)hw->object.token);
		/* Before E, devices that were let go of are not always marked. */
		if (!profile->totals && profile != &profile_c && profile != &profile_d &&
		    hw->users != hw->object.ref_count)
			refuse("hw %llu: %u references, %llu devices", (unsigned long long)i, hw->object.ref_count,
			       (unsigned long long)hw->users);
	}
}

static const char *option(const char *argument, const char *name)
{
	u64 length = strlen(name);

	return strncmp(argument, name, length) == 0 ? argument + length : NULL;
}

int main(int count, char **arguments)
{
	const struct profile *profile = NULL;
	const char *file = NULL, *value;
	struct root_with_totals root = { 0 };
	phys_addr_t address = 0;
	u64 j;
	int i;

	for (i = 1; i < count; i++) {
		if ((value = option(arguments[i], "--page="))) {
			set_page_size(value);
		} else if ((value = option(arguments[i], "--profile="))) {
			for (j = 0; j < array_size(profiles); j++)
				if (strcmp(profiles[j]->name, value) == 0)
					profile = profiles[j];
		} else if ((value = option(arguments[i], "--root="))) {
			address = parse_u64(value);
		} else if (file || arguments[i][0] == '-') {
			misused("what is %s?", arguments[i]);
		} else {
			file = arguments[i];
		}
	}
	if (!profile || !page_size || !address || !file)
		misused("usage: iommu --page=SIZE --profile=PROFILE --root=ADDRESS CORE");
	open_core(file);
	if (address % page_size)
		refuse("root: 0x%llx is not the address of a page", (unsigned long long)address);
	line("iommu");
	put_u64("address", address);
	if (profile->totals) {
		read_memory(address, &root, sizeof(root), "root");
		put_u64("nr_iommus", root.nr_iommus);
		put_u64("nr_domains", root.nr_domains);
		put_u64("nr_devices", root.nr_devices);
	} else {
		struct root_with_version versioned = { 0 };

		if (profile->versioned) {
			read_memory(address, &versioned, sizeof(versioned), "root");
			if (versioned.version != 1)
				refuse("root: version %llu", (unsigned long long)versioned.version);
			put_u64("version", versioned.version);
		} else {
			read_memory(address, &versioned.arrays, sizeof(versioned.arrays), "root");
		}
		root.iommus_phys = versioned.arrays.iommu_array_phys;
		root.iommu_domains_phys = versioned.arrays.iommu_domain_array_phys;
		root.devices_phys = versioned.arrays.device_array_phys;
	}
	end_line();
	read_array(profile, HW, root.iommus_phys, root.nr_iommus);
	read_array(profile, DOMAIN, root.iommu_domains_phys, root.nr_domains);
	read_array(profile, DEVICE, root.devices_phys, root.nr_devices);
	check_references(profile);
	return 0;
}
