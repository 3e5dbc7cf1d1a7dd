/* Between 7.0 and 7.1-rc1: a radix tree; the size of a blob is not told. */
#include "handover.h"

static void read_blob(const void *root, int node, struct blob *blob)
{
	blob->address = native_u64(root, node, "preserved-data");
	blob->size = fdt_size_at(blob->address);
	if (blob->size == 0) {
		/* A struct: what there is room for is the rest of its page. */
		blob->size = page_size - blob->address % page_size;
		blob->size_unknown = true;
	}
}

static void read_map(phys_addr_t map)
{
	read_radix(map, radix_depth(), false);
}

/*
 * As first committed the depth was ceil((order-0 bit - leaf bits) / node bits) + 1,
 * which is 4 instead of 5 for pages of 16 KiB and right for the others.
 */
static void read_first_map(phys_addr_t map)
{
	unsigned int bits = 64 - page_shift - (page_shift + 3);
	unsigned int lg2 = page_shift - 3;
	unsigned int depth = (bits + lg2 - 1) / lg2 + 1;

	read_radix(map, depth, depth != radix_depth());
}

const struct kho kho_v2 = {
	.name = "v2",
	.compatible = "kho-v2",
	.root_preserved = true,
	.read_map = read_map,
	.read_blob = read_blob,
};

const struct kho kho_v2_first = {
	.name = "v2-first",
	.compatible = "kho-v2",
	.root_preserved = true,
	.read_map = read_first_map,
	.read_blob = read_blob,
};
