/* Linux 6.18 to 7.0: bitmaps of a page. */
#include "handover.h"

static void read_map(phys_addr_t map)
{
	read_chunks(map, page_size * 8, page_size);
}

const struct kho kho_v1b = {
	.name = "v1b",
	.compatible = "kho-v1",
	.read_map = read_map,
	.read_blob = blob_of_fdt,
};
