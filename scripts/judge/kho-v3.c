/* Linux 7.1: as kho-v2, with the size of each blob, and kexec-metadata. */
#include "handover.h"

static void read_map(phys_addr_t map)
{
	read_radix(map, radix_depth(), false);
}

const struct kho kho_v3 = {
	.name = "v3",
	.compatible = "kho-v3",
	.has_metadata = true,
	.root_preserved = true,
	.read_map = read_map,
	.read_blob = blob_with_size,
};
