/* Linux 6.16 and 6.17: bitmaps of 512 bytes, which may share a page. */
#include "handover.h"

#define PRESERVE_BITS (512 * 8)

static void read_map(phys_addr_t map)
{
	read_chunks(map, PRESERVE_BITS, PRESERVE_BITS / 8);
}

const struct kho kho_v1a = {
	.name = "v1a",
	.compatible = "kho-v1",
	.inline_test_folios = true,
	.read_map = read_map,
	.read_blob = blob_of_fdt,
};
